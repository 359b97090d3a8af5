import Testing

@testable import ApusCost
