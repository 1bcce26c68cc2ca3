internal import CRM
internal import HTTPTypes
internal import Hummingbird

/// Shares, the open cycle, fairness and absences.
enum RankEndpoints {
    static func all(_ desk: AssignmentDesk) -> [Endpoint] {
        [
            Endpoint(.get, "/v1/ranks", "The shares of the sellers") { _ in try await list(desk) },
            Endpoint(.put, "/v1/ranks", "Set the whole list of shares; who is missing gets num 0", body: .json()) {
                call in
                let problems = try await desk.replaceRanks(try entries(call), actor: call.actor)
                guard problems.isEmpty else {
                    throw Problem.invalid(problems.map { FieldError($0.pointer, $0.code, $0.message) })
                }
                return try await list(desk)
            },
            Endpoint(.get, "/v1/ranks/cycle", "The open cycle, slot by slot") { _ in
                guard let cycle = try await desk.openCycle() else { throw Problem.notFound("open cycle") }
                return .json(json(cycle))
            },
            Endpoint(.get, "/v1/fairness", "Slots per cycle and seller", query: ["from", "to"]) { call in
                let cycles = try await desk.fairness(from: try day(call, "from"), to: try day(call, "to"))
                return .json(json(cycles))
            },
            Endpoint(.post, "/v1/absences", "A seller takes no customers for some days", body: .json(), success: 201) {
                call in
                try await addAbsence(call, desk)
            },
        ]
    }

    private static func list(_ desk: AssignmentDesk) async throws -> Reply {
        let ranks = try await desk.ranks()
        return .json(
            JSONWriter.object { out in
                out.array("items") { out in
                    for rank in ranks {
                        out.object { out in
                            out.field("user_id", id: rank.userID)
                            out.field("num", rank.num)
                            out.field("weight", rank.weight)
                            out.field("daily_cap", rank.dailyCap)
                            out.field("holding_cap", rank.holdingCap)
                        }
                    }
                }
                out.field("next_cursor", nil as String?)
            })
    }

    private static func entries(_ call: Call) throws -> [RankEntry] {
        guard case .array(let nodes) = call.root.value else {
            throw Problem.invalid([FieldError("", "type", "must be a list of {user_id, num, weight}")])
        }
        var errors: [FieldError] = []
        var entries: [RankEntry] = []
        for (index, node) in nodes.enumerated() {
            do {
                var fields = try Fields(node, of: call.json, base: "/\(index)")
                let bounds = Int(Int32.min)...Int(Int32.max)
                let user = fields.id("user_id")
                let num = fields.integer("num", in: bounds)
                let weight = fields.integer("weight", in: bounds)
                let daily = fields.integer("daily_cap", in: bounds)
                let holding = fields.integer("holding_cap", in: bounds)
                for name in ["user_id", "num", "weight"] where !fields.has(name) || fields.isNull(name) {
                    fields.note(name, "required", "is missing")
                }
                fields.close()
                errors += fields.errors
                guard fields.errors.isEmpty, let user, let num, let weight else { continue }
                entries.append(
                    RankEntry(userID: Int(user), num: num, weight: weight, dailyCap: daily, holdingCap: holding))
            } catch let problem as Problem {
                errors += problem.errors
            }
        }
        guard errors.isEmpty else { throw Problem.invalid(errors) }
        return entries
    }

    private static func addAbsence(_ call: Call, _ desk: AssignmentDesk) async throws -> Reply {
        var fields = try call.fields()
        let user = fields.id("user_id")
        if user == nil, fields.errors.isEmpty { fields.note("user_id", "required", "is missing") }
        let from = fields.required("from")
        let to = fields.required("to")
        for (name, text) in [("from", from), ("to", to)] where !text.isEmpty && !Day.isValid(text) {
            fields.note(name, "type", "must be a day such as 2026-01-31")
        }
        try fields.finish()
        guard let user else { throw Problem.invalid(fields.errors) }
        switch try await desk.addAbsence(user: Int(user), from: from, to: to, actor: call.actor) {
        case .added(let id):
            return .json(
                JSONWriter.object { out in
                    out.field("id", id: id)
                    out.field("user_id", id: user)
                    out.field("from", from)
                    out.field("to", to)
                }, status: .created)
        case .unknownUser:
            throw Problem.invalid([FieldError("/user_id", "unknown_user", "there is no user \(user)")])
        case .backwards: throw Problem.invalid([FieldError("/to", "range", "must not lie before from")])
        }
    }

    private static func day(_ call: Call, _ name: String) throws -> String? {
        guard let text = call.query[name] else { return nil }
        guard Day.isValid(text) else {
            throw Problem.invalid([FieldError("/\(name)", "type", "must be a day such as 2026-01-31")])
        }
        return text
    }

    private static func json(_ cycle: CycleView) -> [UInt8] {
        JSONWriter.object { out in
            out.field("cycle_no", cycle.number)
            out.field("strategy", cycle.strategy)
            out.array("slots") { out in
                for slot in cycle.slots {
                    out.object { out in
                        out.field("pos", slot.position)
                        out.field("user_id", id: slot.user)
                        out.field("state", slot.state)
                        if let reason = slot.reason { out.field("reason", reason) }
                    }
                }
            }
        }
    }

    private static func json(_ cycles: [CycleFairness]) -> [UInt8] {
        JSONWriter.object { out in
            out.array("cycles") { out in
                for cycle in cycles {
                    out.object { out in
                        out.field("cycle_no", cycle.number)
                        out.field("closed", cycle.isClosed)
                        out.array("sellers") { out in
                            for seller in cycle.sellers {
                                out.object { out in
                                    out.field("user_id", id: seller.user)
                                    out.field("num", seller.num)
                                    out.field("used", seller.used)
                                    out.field("void", seller.void)
                                    out.field("free", seller.free)
                                    out.object("reasons") { out in
                                        for (reason, count) in seller.reasons.sorted(by: { $0.key < $1.key }) {
                                            out.field(reason, count)
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Days as `2026-01-31`.
enum Day {
    static func isValid(_ text: String) -> Bool {
        guard text.wholeMatch(of: /\d{4}-\d{2}-\d{2}/) != nil else { return false }
        let parts = text.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, parts[0] >= 1, (1...12).contains(parts[1]) else { return false }
        let leap = parts[0] % 4 == 0 && (parts[0] % 100 != 0 || parts[0] % 400 == 0)
        let lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...lengths[parts[1] - 1]).contains(parts[2])
    }
}
