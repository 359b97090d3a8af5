import ApusEngine
import ApusProgram
import BasicContainers

/// The values that live while a program runs, in the program's numbered slots.
struct SlotStore: ~Copyable {
    /// What one slot holds; at most one of the three.
    struct Value: ~Copyable {
        var tensor: Tensor?
        var state: IslandState?
        var decision: RoutingDecision?
    }

    private var values: UniqueArray<Value>

    init(count: Int) {
        values = UniqueArray(minimumCapacity: count)
        for _ in 0..<count { values.append(Value()) }
    }

    /// Another handle on the tensor in `slot`.
    func tensor(_ slot: Slot) throws(EngineError) -> Tensor {
        switch values[slot.index].tensor {
        case .some(let tensor): return try tensor.alias()
        case .none:
            preconditionFailure("the verifier proves that a slot is written before it is read")
        }
    }

    func decision(_ slot: Slot) -> RoutingDecision {
        guard let decision = values[slot.index].decision else {
            preconditionFailure("the verifier proves that a slot is written before it is read")
        }
        return decision
    }

    mutating func takeState(_ slot: Slot) -> IslandState {
        guard let state = values[slot.index].state.take() else {
            preconditionFailure("the verifier proves that a slot is written before it is read")
        }
        return state
    }

    mutating func put(_ tensor: consuming Tensor, in slot: Slot) {
        values[slot.index].tensor = consume tensor
    }

    mutating func put(_ state: consuming IslandState, in slot: Slot) {
        values[slot.index].state = consume state
    }

    mutating func put(_ decision: RoutingDecision, in slot: Slot) {
        values[slot.index].decision = decision
    }

    mutating func free(_ slot: Slot) {
        values[slot.index] = Value()
    }
}
