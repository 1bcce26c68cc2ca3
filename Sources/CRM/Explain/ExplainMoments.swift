/// When the things happened of which the tables know only the day: by the ids in the audit rows, else the first change
/// that fits and that nothing else has taken yet, else behind what was before on that day. Pure.
struct ExplainMoments: Sendable {
    /// One ownership.
    struct Span: Sendable, Equatable {
        let began: Int
        var ended: Int?
        /// The row of a deal after the last day: it was born ended.
        var isLateDeal = false
    }

    struct Note: Sendable, Equatable {
        let at: Int
        /// Its writer had the customer.
        let isOwners: Bool
    }

    /// As ``ExplainFacts/distributions``.
    private(set) var spans: [Span] = []
    /// As ``ExplainFacts/notes``.
    private(set) var notes: [Note] = []
    /// The deal that made a student of the customer.
    private(set) var enrolled: Int?

    private let facts: ExplainFacts
    /// A transfer begins one ownership and ends another.
    private var begins: Set<Int> = []
    private var ends: Set<Int> = []
    private static let births: Set = ["customer.create", "database.insert", "mend.distribution"]
    private static let noEnds = births.union(["customer.expire", "customer.late_deal"])

    init(_ facts: ExplainFacts) {
        self.facts = facts
        measureOwners()
        measureNotes()
        guard let student = facts.student else { return }
        // Whoever signs again stays the student that he is.
        enrolled =
            zip(facts.distributions, spans).first { distribution, _ in
                distribution.status == 2 && (student.day == nil || distribution.ended == student.day)
            }?.1.ended
    }

    private func later(_ day: ExplainFacts.Day, _ floor: Int) -> Int { day.holds(floor) ? floor : day.begin }

    private mutating func measureOwners() {
        var floor = facts.imported?.storedAt ?? 0
        for distribution in facts.distributions {
            if let deal = lateDeal(distribution, floor) {
                begins.insert(deal.id)
                floor = deal.at
                spans.append(Span(began: deal.at, ended: deal.at, isLateDeal: true))
                continue
            }
            let began = begin(of: distribution, floor) ?? later(distribution.began, floor)
            floor = began
            var ended: Int?
            if let day = distribution.ended {
                ended = distribution.isExpired ? day.begin : end(of: distribution, day, began) ?? later(day, began)
                floor = max(began, ended ?? began)
            }
            spans.append(Span(began: began, ended: ended))
        }
    }

    /// The audit row of a late deal; one that a page made does not name its distribution.
    private func lateDeal(_ distribution: ExplainFacts.Distribution, _ floor: Int) -> ExplainFacts.Change? {
        guard distribution.status == 2, distribution.origin == DistributionOrigin.manual.rawValue,
            distribution.ended == distribution.began
        else { return nil }
        if let named = facts.changes.first(where: { $0.began == distribution.id }) {
            return named.action == "customer.late_deal" ? named : nil
        }
        return facts.changes.first { change in
            change.action == "customer.late_deal" && change.began == nil && change.subject == distribution.user
                && change.at >= floor && distribution.began.holds(change.at) && !begins.contains(change.id)
        }
    }

    private mutating func begin(of distribution: ExplainFacts.Distribution, _ floor: Int) -> Int? {
        if let at = distribution.slot?.at { return at }
        if distribution.origin == DistributionOrigin.import.rawValue, let at = facts.imported?.storedAt,
            distribution.began.holds(at)
        {
            return at
        }
        let named = facts.changes.first { change in
            change.began == distribution.id
                || change.distribution == distribution.id && change.action == "database.insert"
        }
        let found =
            named
            ?? facts.changes.first { change in
                change.distribution == nil && change.began == nil && change.ownerAfter == distribution.user
                    && change.at >= floor && distribution.began.holds(change.at) && !begins.contains(change.id)
            }
        if let found { begins.insert(found.id) }
        return found?.at
    }

    private mutating func end(
        of distribution: ExplainFacts.Distribution, _ day: ExplainFacts.Day, _ began: Int
    ) -> Int? {
        let free = facts.changes.filter { change in
            change.at >= began && day.holds(change.at) && !Self.noEnds.contains(change.action)
                && !ends.contains(change.id)
        }
        let isDeal = distribution.status == DistributionStatus.deal.rawValue
        let found =
            free.first { $0.distribution == distribution.id && $0.columns.contains("status") }
            ?? free.first { change in
                change.distribution == nil && change.began != distribution.id
                    && (change.ownerBefore == distribution.user
                        || isDeal && change.closes && (change.subject ?? distribution.user) == distribution.user)
            }
        if let found { ends.insert(found.id) }
        return found?.at
    }

    private mutating func measureNotes() {
        var used: Set<Int> = []
        var last = 0
        for note in facts.notes {
            let audited =
                facts.changes.first { $0.note == note.id }
                ?? facts.changes.first { change in
                    change.action == "customer.follow_up" && change.note == nil && change.seller == note.user
                        && note.day.holds(change.at) && !used.contains(change.id)
                }
            if let audited { used.insert(audited.id) }
            let held = holding(note)
            let before = [last, held.map { spans[$0].began } ?? 0].filter { note.day.holds($0) }.max()
            let at = audited?.at ?? before ?? note.day.begin
            notes.append(Note(at: at, isOwners: audited?.movedClock ?? (held != nil)))
            last = at
        }
    }

    /// The ownership during which a note was written.
    private func holding(_ note: ExplainFacts.Note) -> Int? {
        facts.distributions.indices.last { index in
            let distribution = facts.distributions[index]
            guard distribution.user == note.user, !spans[index].isLateDeal,
                distribution.began.begin <= note.day.begin
            else { return false }
            guard let end = distribution.ended?.begin else { return true }
            return distribution.isExpired ? note.day.begin < end : note.day.begin <= end
        }
    }
}
