/// One thing that somebody does to the queue. Plain values that fit any state, so that a list of them can be run again
/// with some left out.
enum Operation: Sendable {
    case enqueue([JobSpec])
    /// Settlements name a held claim by its place, modulo how many there are.
    case exchange(worker: Int, queue: Int, suspects: Bool, take: Int, settle: [Settling])
    /// The last settlements again, with another change.
    case settleAgain(worker: Int, queue: Int, ChangeSpec)
    case open(worker: Int, namesPredecessor: Bool)
    case release(worker: Int)
    case endLease(worker: Int)
    case beat(worker: Int)
    case unregister(worker: Int)
    case loseConnection(worker: Int)
    case cancellations(worker: Int)
    case progress(worker: Int, held: Int)
    case checkpoint(worker: Int, held: Int)
    case reap
    case cancel(queue: Int, id: String)
    case retry(queue: Int, id: String)
    case discard(queue: Int, id: String)
    case retryDead(kind: String?, queue: Int?)
    case discardDead(kind: String?, queue: Int?)
    case pause(Int)
    case resume(Int)
    case makeDue(queue: Int, id: String)
    case promote
    case prune(done: Bool, dead: Bool)
    case push(queue: Int, ForeignPush)
}

struct Settling: Sendable {
    let held: Int
    let change: ChangeSpec
}

/// Delays are milliseconds.
enum ChangeSpec: Sendable, CaseIterable {
    case done
    case result(String)
    case tooLarge, dead
    case retry(Int)
    case snooze(Int)
    case release

    static let allCases: [ChangeSpec] = [
        .done, .done, .result("[1]"), .tooLarge, .dead, .retry(0), .retry(1_000_000), .snooze(0), .snooze(1_000_000),
        .release,
    ]
}

struct JobSpec: Sendable {
    let queue: Int
    let id: String
    let kind: String
    let args: String
    var key: String?
    /// Milliseconds.
    var delay: Int?
    var idempotency: Key?

    struct Key: Sendable {
        let key: String
        let hash: String
    }
}

/// What another program pushes.
struct ForeignPush: Sendable, Equatable {
    var isUsable = true
    var id: String?
    var key: String?
    var kind = "noop"
    var args = #"{"f":[[],{}],"n":1e400}"#

    var json: String {
        if !isUsable { return "{broken" }
        var members = [#""kind":"\#(kind)""#, #""args":\#(args)"#]
        if let id { members.append(#""id":"\#(id)""#) }
        if let key { members.append(#""key":"\#(key)""#) }
        return "{" + members.joined(separator: ",") + "}"
    }
}

extension Operation {
    static let workers = 3

    /// What a list of operations is rich in; rare meetings come about only then.
    enum Bent: Int, CaseIterable { case everything, crashes, keys }

    static func list(seed: UInt64, steps: Int, foreign: Bool) -> [Operation] {
        var random = SplitMix(seed: seed)
        let bent = Bent.allCases[Int(seed % UInt64(Bent.allCases.count))]
        return (0..<steps).map { _ in
            switch bent {
            case .crashes where Bool.random(using: &random): crash(&random)
            case .keys where Int.random(in: 0..<4, using: &random) > 0: key(&random)
            default: self.random(&random, foreign: foreign)
            }
        }
    }

    /// Few jobs that are claimed, and lose their sessions again and again.
    private static func crash(_ random: inout SplitMix) -> Operation {
        func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
        let worker = number(0..<workers)
        switch number(0..<12) {
        case 0..<4: return .exchange(worker: worker, queue: 0, suspects: number(0..<2) == 0, take: 2, settle: [])
        case 4..<6: return .endLease(worker: worker)
        case 6..<9: return .reap
        case 9: return .checkpoint(worker: worker, held: number(0..<8))
        case 10: return .unregister(worker: worker)
        default: return .resume(0)
        }
    }

    /// Few keys that many jobs want, and jobs that die and come back.
    private static func key(_ random: inout SplitMix) -> Operation {
        func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
        let id = "a\(number(0..<12))"
        switch number(0..<12) {
        case 0..<3:
            return .enqueue([
                JobSpec(queue: 0, id: id, kind: "noop", args: "{}", key: "k\(number(0..<3))")
            ])
        case 3..<7:
            let change = [ChangeSpec.dead, .retry(1_000_000), .done][number(0..<3)]
            return .exchange(
                worker: number(0..<workers), queue: 0, suspects: false, take: 2,
                settle: [Settling(held: number(0..<8), change: change)])
        case 7: return .cancel(queue: 0, id: id)
        case 8, 9: return .retry(queue: 0, id: id)
        case 10: return .discard(queue: 0, id: id)
        default: return number(0..<2) == 0 ? .retryDead(kind: nil, queue: 0) : .resume(0)
        }
    }

    private static func random(_ random: inout SplitMix, foreign: Bool) -> Operation {
        func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
        func chance(_ n: Int) -> Bool { number(0..<n) == 0 }
        let queue = chance(4) ? 1 : 0
        let worker = number(0..<workers)
        let id = "\(queue == 0 ? "a" : "b")\(number(0..<24))"
        let kind = chance(3) ? "rare" : "noop"
        switch number(0..<60) {
        case 0..<12:
            return .enqueue(
                (0...number(0..<4)).map { _ in
                    let queue = chance(4) ? 1 : 0
                    let n = number(0..<24)
                    return JobSpec(
                        queue: queue, id: "\(queue == 0 ? "a" : "b")\(n)", kind: chance(3) ? "rare" : "noop",
                        args: #"{"n":\#(n)}"#, key: chance(3) ? "k\(number(0..<4))" : nil,
                        delay: chance(5) ? [0, 1, 1_000_000][number(0..<3)] : nil,
                        idempotency: chance(6)
                            ? .init(key: "i\(number(0..<60))", hash: "h\(chance(8) ? 1 : 0)") : nil)
                })
        case 12..<30:
            return .exchange(
                worker: worker, queue: queue, suspects: chance(3), take: number(0..<5),
                settle: (0..<number(0..<4)).map { _ in
                    Settling(held: number(0..<64), change: ChangeSpec.allCases[number(0..<ChangeSpec.allCases.count)])
                })
        case 30, 31:
            return .settleAgain(
                worker: worker, queue: queue, ChangeSpec.allCases[number(0..<ChangeSpec.allCases.count)])
        case 32, 33: return .open(worker: worker, namesPredecessor: !chance(4))
        case 34: return .release(worker: worker)
        case 35..<38: return .endLease(worker: worker)
        case 38: return .beat(worker: worker)
        case 39: return .unregister(worker: worker)
        case 40: return chance(3) ? .loseConnection(worker: worker) : .cancellations(worker: worker)
        case 41: return .progress(worker: worker, held: number(0..<64))
        case 42: return .checkpoint(worker: worker, held: number(0..<64))
        case 43, 44: return .reap
        case 45, 46: return .cancel(queue: queue, id: id)
        case 47, 48: return .retry(queue: queue, id: id)
        case 49: return .discard(queue: queue, id: id)
        case 50: return .retryDead(kind: chance(2) ? kind : nil, queue: chance(2) ? queue : nil)
        case 51: return .discardDead(kind: chance(2) ? kind : nil, queue: chance(2) ? queue : nil)
        case 52: return chance(2) ? .pause(queue) : .resume(queue)
        case 53: return .resume(queue)
        case 54: return .makeDue(queue: queue, id: id)
        case 55, 56: return .promote
        case 57: return .prune(done: chance(2), dead: chance(2))
        default:
            if !foreign { return .promote }
            return .push(
                queue: queue,
                ForeignPush(
                    isUsable: !chance(5), id: chance(2) ? id : nil, key: chance(4) ? "k\(number(0..<4))" : nil,
                    kind: kind))
        }
    }
}
