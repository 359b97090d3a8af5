package import ApusBase

/// A framework, or a batch system, that a deployment is written for.
package enum ExportTarget: String, Hashable, Sendable, CaseIterable {
    case megatron, deepspeed, torchtitan, slurm, kubernetes
}

/// What a batch system starts.
package enum ExportFramework: String, Hashable, Sendable, CaseIterable {
    case apus, megatron, deepspeed, torchtitan
}

/// A file that starts a job, or that such a file reads.
package struct ExportedFile: Hashable, Sendable {
    /// The name within the folder that all files of an export share.
    package var name: String
    package var text: String
    package var isExecutable: Bool

    package init(name: String, text: String, isExecutable: Bool = false) {
        self.name = name
        self.text = text
        self.isExecutable = isExecutable
    }
}

/// What a deployment becomes for another framework, and what of it that framework cannot express.
package struct Export: Hashable, Sendable {
    package var files: [ExportedFile]
    /// Warnings name what is lost, notes what was assumed; the files hold both as comments where
    /// their format has any.
    package var notes: [Diagnostic]

    package init(files: [ExportedFile], notes: [Diagnostic]) {
        self.files = files
        self.notes = notes
    }

    /// Whether the files do something else than the plan says.
    package var isLossy: Bool { notes.contains { $0.severity == .warning } }
}
