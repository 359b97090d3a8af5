import Testing

@testable import ApusPlanner
