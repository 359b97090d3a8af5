extension LengthReport {
    /// Makes what is drawn small enough for the page, and notes what was joined.
    mutating func fit(weightMax: Int, pointsMax: Int) {
        if let whole = timeline {
            let (joined, note) = whole.fitting(weightMax: weightMax)
            timeline = joined
            if let note { notes.append(note) }
        }
        guard var picture = memory else { return }
        for index in picture.stages.indices {
            let whole = picture.stages[index].series
            picture.stages[index].series = whole.map { $0.thinned(to: pointsMax) }
        }
        memory = picture
    }
}
