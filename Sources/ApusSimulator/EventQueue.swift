/// Events in the order of their time; those of one time in the order of their numbers.
///
/// A binary heap in a flat array: simulating a step does little else.
struct EventQueue {
    struct Event {
        var time: Double
        /// What happens.
        var number: Int32
        /// Tells an event from a later one of the same number, which makes it void.
        var version: Int32
    }

    private var heap: ContiguousArray<Event> = []

    mutating func push(_ event: Event) {
        heap.append(event)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            let other = heap[parent]
            if !Self.isEarlier(event, other) { break }
            heap[child] = other
            child = parent
        }
        heap[child] = event
    }

    mutating func pop() -> Event? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        let count = heap.count
        if count == 0 { return first }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= count { break }
            if child + 1 < count, Self.isEarlier(heap[child + 1], heap[child]) { child += 1 }
            let other = heap[child]
            if !Self.isEarlier(other, last) { break }
            heap[parent] = other
            parent = child
        }
        heap[parent] = last
        return first
    }

    @inline(__always)
    private static func isEarlier(_ left: Event, _ right: Event) -> Bool {
        left.time < right.time || (left.time == right.time && left.number < right.number)
    }
}
