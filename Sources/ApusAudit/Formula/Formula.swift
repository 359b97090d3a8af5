import ApusPlan

/// Arithmetic as a document writes it: numbers, names, `+ - * /` and parentheses.
struct Formula: Hashable {
    indirect enum Node: Hashable {
        case number(Double)
        case name(String)
        case sum(Node, Node)
        case difference(Node, Node)
        case product(Node, Node)
        case quotient(Node, Node)
    }

    /// Why a text is no formula, with the words around the place.
    struct Failure: Error, Hashable {
        var reason: String
    }

    let root: Node

    init(_ text: String) throws(Failure) {
        var parser = FormulaParser(text)
        root = try parser.formula()
    }

    /// The names that stand in the formula, in order of appearance.
    var names: [String] {
        var names: [String] = []
        func visit(_ node: Node) {
            switch node {
            case .number: break
            case .name(let name): if !names.contains(name) { names.append(name) }
            case .sum(let left, let right), .difference(let left, let right),
                .product(let left, let right), .quotient(let left, let right):
                visit(left)
                visit(right)
            }
        }
        visit(root)
        return names
    }

    /// The value, where every name has one.
    func value(_ values: [String: Double]) -> Double? {
        func evaluate(_ node: Node) -> Double? {
            switch node {
            case .number(let number): return number
            case .name(let name): return values[name]
            case .sum(let left, let right): return combine(left, right, +)
            case .difference(let left, let right): return combine(left, right, -)
            case .product(let left, let right): return combine(left, right, *)
            case .quotient(let left, let right): return combine(left, right, /)
            }
        }
        func combine(
            _ left: Node, _ right: Node, _ operation: (Double, Double) -> Double
        ) -> Double? {
            guard let left = evaluate(left), let right = evaluate(right) else { return nil }
            return operation(left, right)
        }
        return evaluate(root)
    }
}
