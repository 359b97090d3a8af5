import Testing

@testable import ApusAudit
