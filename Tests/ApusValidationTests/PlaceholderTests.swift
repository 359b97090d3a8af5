import Testing

@testable import ApusValidation
