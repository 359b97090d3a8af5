/// The code of every message that Apus prints; `docs/diagnostics/<code>.md` explains each.
///
/// A code is added here, with its page and with a test that asserts a whole message of it. Codes
/// are stable: people search for them and scripts match them.
package enum DiagnosticCode: String, Hashable, Sendable, CaseIterable {
    // Reading a file.
    case fileSize = "file-size"
    case fileEncoding = "file-encoding"
    case yamlSyntax = "yaml-syntax"
    case yamlLimit = "yaml-limit"
    case duplicateKey = "duplicate-key"
    case unknownKey = "unknown-key"
    case missingKey = "missing-key"
    case conflictingKeys = "conflicting-keys"
    case wrongType = "wrong-type"
    case unknownValue = "unknown-value"
    case outOfRange = "out-of-range"
    case unsupportedModel = "unsupported-model"
    case csvSyntax = "csv-syntax"
    case csvColumn = "csv-column"
    case scheduleFile = "schedule-file"
    case logFormat = "log-format"
    case moreProblems = "more-problems"

    // What a deployment says, taken together.
    case worldSize = "world-size"
    case pipelineDegree = "pipeline-degree"
    case expertDegree = "expert-degree"
    case tensorDegree = "tensor-degree"
    case attentionHeads = "attention-heads"
    case topK = "top-k"
    case sequenceLength = "sequence-length"
    case microBatches = "micro-batches"
    case clusterLinks = "cluster-links"
    case noEffect = "no-effect"
    case countLimit = "count-limit"

    // What an audit finds beyond the claims.
    case needlessPipeline = "needless-pipeline"
    case pipelineFill = "pipeline-fill"
    case batchDivision = "batch-division"
    case stageBalance = "stage-balance"
    case capacityDrops = "capacity-drops"
    case unfoldedRanks = "unfolded-ranks"
    case launchCommand = "launch-command"
    case bandwidthSource = "bandwidth-source"
    case activationScale = "activation-scale"
    case claimFormula = "claim-formula"
    case claimsDisagree = "claims-disagree"

    // What this Apus can execute.
    case unsupported = "unsupported"
    case planMissing = "plan-missing"
    case notCompiled = "not-compiled"
    case routingTie = "routing-tie"

    // Writing a deployment for another framework.
    case exportLoss = "export-loss"
    case exportAssumption = "export-assumption"

    // Showing what was planned and done.
    case reportInput = "report-input"

    // What is wrong with a program.
    case programSyntax = "program-syntax"
    case slotLifetime = "slot-lifetime"
    case slotContent = "slot-content"
    case stepOrder = "step-order"
    case transferMismatch = "transfer-mismatch"
    case deadlock = "deadlock"

    // A trace, and what it is compared with.
    case traceSyntax = "trace-syntax"
    case traceMismatch = "trace-mismatch"

    // The text to train on.
    case dataMissing = "data-missing"
    case dataSize = "data-size"
    case dataVocabulary = "data-vocabulary"

    // A job and its ranks.
    case rendezvous = "rendezvous"
    case rankMismatch = "rank-mismatch"
    case rankFailed = "rank-failed"
    case device = "device"
    case memory = "memory"

    // The engine, the script that builds it, and the system below.
    case engineMissing = "engine-missing"
    case engineABI = "engine-abi"
    case engine = "engine"
    case engineCrash = "engine-crash"
    case engineBuild = "engine-build"
    case system = "system"
}
