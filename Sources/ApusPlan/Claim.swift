/// One line of a document that a deployment file restates, for the audit to check.
package struct Claim: Hashable, Sendable {
    package enum Value: Hashable, Sendable {
        case number(Double)
        case range(Double, Double)
        case truth(Bool)
        case text(String)
    }

    package var id: String
    package var quantity: String
    package var value: Value
    /// The sequence length that the claim speaks of, in tokens.
    package var sequenceLength: Int?
    /// How the document computes the value, as arithmetic in base units: bytes, seconds, tokens.
    package var formula: String?
    /// The parts that the document says the formula is the sum of, as one sum.
    package var terms: String?

    package init(
        id: String, quantity: String, value: Value, sequenceLength: Int?, formula: String? = nil,
        terms: String? = nil
    ) {
        self.id = id
        self.quantity = quantity
        self.value = value
        self.sequenceLength = sequenceLength
        self.formula = formula
        self.terms = terms
    }
}
