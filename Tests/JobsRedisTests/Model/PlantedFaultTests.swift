import Redis
import TestSupport
import Testing

@testable import JobsRedis

/// The comparison with the model can fail: each of these faults, planted in the functions, is found.
@Suite struct PlantedFaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        let right: String
        let wrong: String
        var testDescription: String { name }

        init(_ name: String, _ right: String, _ wrong: String = "") {
            (self.name, self.right, self.wrong) = (name, right, wrong)
        }
    }

    static let faults = [
        Fault(
            "a cancelled job keeps its key",
            "redis.call('HDEL', keys[CRASHES], id)\n  release_key(b, id, h[2])\n  return 'ok'", "return 'ok'"),
        Fault(
            "a job that goes back has spent its attempt",
            "redis.call('HINCRBY', job, 'attempt', -1)\n    redis.call('HSET', job, 'state', 'queued'",
            "redis.call('HSET', job, 'state', 'queued'"),
        Fault(
            "a snooze spends the attempt",
            "redis.call('HINCRBY', job, 'attempt', -1)\n    redis.call('HSET', job, 'state', 'retrying'",
            "redis.call('HSET', job, 'state', 'retrying'"),
        Fault("jobs go back in reverse", "for i = #ids, 1, -1 do\n    local id", "for i = 1, #ids do\n    local id"),
        Fault(
            "a stale session may settle and claim",
            "if not redis.call('ZSCORE', keys[SESSIONS], session) then return fenced() end\n  local b, t = base(keys), now()\n  local inflight",
            "local b, t = base(keys), now()\n  local inflight"),
        Fault("a settled slot stays", "redis.call('HDEL', inflight, slot)\n  local job", "local job"),
        Fault("a cancelled job leaves no tombstone", "redis.call('HSET', job, 'tombstone', 1)"),
        Fault("a batch with a mismatch is taken in half", "if refused then", "if false then"),
        Fault(
            "a registered process's jobs count as crashed", "settled and not (registered and tonumber(registered) > t)",
            "settled"),
        Fault("nobody is ever suspect", "SUSPECT_CRASHES = 2", "SUSPECT_CRASHES = 99"),
        Fault("nothing is ever poison", "POISON_CRASHES = 3", "POISON_CRASHES = 99"),
        Fault("a paused queue is claimed from", "if paused == 0 and take > 0 then", "if take > 0 then"),
        Fault(
            "a dead job comes back to a key that is taken",
            "if holder and holder ~= id then return 'key ' .. holder end"),
        Fault("a checkpoint forgives nothing", "redis.call('HDEL', keys[CRASHES], argv[2])"),
        Fault(
            "a new session drops what its predecessor held",
            "give_back(keys, b, ids, t)\n    redis.call('UNLINK'", "redis.call('UNLINK'"),
        Fault(
            "a popped discarded job's name is forgotten",
            "leave_name(b .. 'job:' .. id)\n      discarded", "redis.call('UNLINK', b .. 'job:' .. id)\n      discarded"
        ),
        Fault(
            "a repeated push runs twice",
            "if id and redis.call('EXISTS', b .. 'job:' .. id) == 1 then return nil end"),
        Fault(
            "a cancelled job's holder is not told", "redis.call('RPUSH', b .. 'cancels:' .. session, slot .. ' ' .. id)"
        ),
        Fault("pruned dead jobs are nowhere", "count(keys, 'discarded', #dead)"),
    ]

    @Test(arguments: faults)
    func isFound(_ fault: Fault) async throws {
        let server = try await PrivateRedis.start()
        defer { server.stop() }
        let fixture = try await Fixture(socket: server.socket)
        #expect(FunctionLibrary.code.contains(fault.right), "the line that the fault changes is gone")
        let code = FunctionLibrary.code.replacing(fault.right, with: fault.wrong)
        _ = try await fixture.client.send(RedisCommand("FUNCTION", "LOAD", code))
        for seed in 100..<124 as Range<UInt64> {
            let operations = Operation.list(seed: seed, steps: ModelTests.steps, foreign: true)
            let next = try await Fixture(socket: server.socket)
            if let (step, text) = try await ScheduleRun.firstDifference(operations, .redis(next)) {
                print("PlantedFaultTests: \(fault.name): seed \(seed), operation \(step + 1): \(text.prefix(140))")
                return
            }
        }
        Issue.record("not found: \(fault.name)")
    }
}
