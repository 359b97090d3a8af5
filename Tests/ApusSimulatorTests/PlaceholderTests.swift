import Testing

@testable import ApusSimulator
