import ApusTestSupport
import Testing

@testable import ApusValidation

@Suite("A validation")
struct ValidationExampleTests {
    @Test("predicts every row of a table or says why not")
    func servesAsExample() throws {
        let csv = try Repository.text("Tests/Fixtures/measurements/korthikanti2022.csv")
        let table = try readMeasurements(Array(csv.utf8), file: "korthikanti2022.csv")
        var validation = Validation(fillsIn: false)
        for row in table.rows { validation.add(row) }
        #expect(validation.rows.count == table.rows.count)
    }
}
