import Testing

@testable import ApusExport
