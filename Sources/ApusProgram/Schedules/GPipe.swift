import ApusPlan

/// All micro-batches forward, then all backward in the same order.
///
/// Gradients are added up in the order of the micro-batches, as in every other schedule, so that
/// schedules agree to the bit.
///
/// Source: Huang et al. 2019, "GPipe", §2.3 (which runs backward in reverse order).
func gpipeSchedule(microBatches: Int) -> [ScheduleEntry] {
    (0..<microBatches).map { ScheduleEntry(.forward, $0) }
        + (0..<microBatches).map { ScheduleEntry(.backward, $0) }
}
