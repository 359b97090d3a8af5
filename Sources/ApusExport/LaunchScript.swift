/// A shell script that starts a framework on one node, or as one rank.
///
/// Under a launcher that starts every rank, such as `srun`, `RANK` is set and the script becomes
/// that rank. Otherwise it starts the ranks of its node.
struct LaunchScript {
    var title: String
    var job: ExportJob
    var notes: LossNotes
    /// What to know before starting it.
    var usage: [String]
    /// Lines between the header and the launcher: settings and arrays of options.
    var body: [String]
    /// Lines that set `launcher` where `RANK` is not set.
    var launcher: [String]
    /// The words of the command of one rank, as the script writes them.
    var command: [String]

    var lines: [String] {
        ["#!/usr/bin/env bash"] + hashComments(header) + ["set -euo pipefail", ""] + body
            + ["", "launcher=(python3)", "if [[ -z ${RANK:-} ]]; then"]
            + launcher.map { "    " + $0 } + ["fi", "exec \"${launcher[@]}\" \\"]
            + command.enumerated().map { index, word in
                "    " + word + (index + 1 < command.count ? " \\" : "")
            }
    }

    var text: String { lines.joined(separator: "\n") + "\n" }

    private var header: [String] {
        [title + ": " + job.summary, "", "Written by `apus export`."] + usage
            + noteComments(notes)
    }
}

extension ExportJob {
    /// Starts the ranks of one node with PyTorch's launcher.
    var torchrun: [String] {
        let isOneNode = nodeCount == 1
        let node = isOneNode ? "${NODE_RANK:-0}" : "$NODE_RANK"
        let master = isOneNode ? "${MASTER_ADDR:-localhost}" : "$MASTER_ADDR"
        let needed = [
            ": \"${NODE_RANK:?the index of this node, from 0 to \(nodeCount - 1)}\"",
            ": \"${MASTER_ADDR:?the host of node 0}\"",
        ]
        return (isOneNode ? [] : needed) + [
            "launcher=(", "    torchrun",
            "    --nnodes \(nodeCount)",
            "    --nproc-per-node \(gpusPerNode)",
            "    --node-rank \"\(node)\"",
            "    --master-addr \"\(master)\"",
            "    --master-port \"${MASTER_PORT:-29500}\"", ")",
        ]
    }
}

/// The part of a file's header that says what is lost.
func noteComments(_ notes: LossNotes) -> [String] {
    notes.comments.isEmpty
        ? []
        : ["", "What \(notes.target) does otherwise than the plan:"]
            + notes.comments
}
