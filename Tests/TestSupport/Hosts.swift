internal import Glibc
internal import OwnerThread

/// Four hosts and a router between them, each a network namespace; any way between two of them can be cut.
///
/// A cut way drops packets without a word, in one direction: no connection is refused or reset, nobody is told.
public final class Hosts: Sendable {
    public enum Host: Int, Sendable, CaseIterable {
        case stores = 1
        case api, first, second

        public var address: String { "10.77.\(rawValue).2" }
        fileprivate var gateway: String { "10.77.\(rawValue).1" }
    }

    private let router: NetworkNamespace
    private let namespaces: [Host: NetworkNamespace]
    private let cuts = Lock<Set<Int>>([])

    public init() async throws {
        let router = try await NetworkNamespace("router")
        self.router = router
        var namespaces: [Host: NetworkNamespace] = [:]
        for host in Host.allCases { namespaces[host] = try await NetworkNamespace("\(host)") }
        self.namespaces = namespaces
        // In a container /proc/sys may be read-only; the router has its own mounts.
        try await router.script(
            """
            ip link set lo up
            nsenter --mount=/proc/\(router.pid)/ns/mnt sh -c '
                echo 1 >/proc/sys/net/ipv4/ip_forward ||
                { mount -o bind,remount,rw /proc/sys && echo 1 >/proc/sys/net/ipv4/ip_forward; }'
            """)
        for host in Host.allCases {
            guard let namespace = namespaces[host] else { continue }
            try await router.script(
                """
                ip link add to\(host.rawValue) type veth peer name eth0 netns \(namespace.pid)
                ip address add \(host.gateway)/24 dev to\(host.rawValue)
                ip link set to\(host.rawValue) up
                """)
            try await namespace.script(
                """
                ip link set lo up
                ip address add \(host.address)/24 dev eth0
                ip link set eth0 up
                ip route add default via \(host.gateway)
                """)
        }
    }

    /// Runs `body` on hosts that are removed at the end.
    public static func with<T>(_ body: (Hosts) async throws -> T) async throws -> T {
        let hosts = try await Hosts()
        let result: Result<T, any Error>
        do { result = .success(try await body(hosts)) } catch { result = .failure(error) }
        hosts.remove()
        return try result.get()
    }

    public subscript(host: Host) -> NetworkNamespace { namespaces[host] ?? router }

    /// From now on nothing that `sender` sends reaches `receiver`.
    public func cut(from sender: Host, to receiver: Host) async throws {
        let number = Self.number(sender, receiver)
        guard cuts.withLock({ $0.insert(number).inserted }) else { return }
        try await router.script(
            "ip rule add priority \(number) from \(sender.address) to \(receiver.address) blackhole")
    }

    public func cut(_ one: Host, _ other: Host) async throws {
        try await cut(from: one, to: other)
        try await cut(from: other, to: one)
    }

    public func restore(from sender: Host, to receiver: Host) async throws {
        let number = Self.number(sender, receiver)
        guard cuts.withLock({ $0.remove(number) }) != nil else { return }
        try await router.script("ip rule del priority \(number)")
    }

    public func restore(_ one: Host, _ other: Host) async throws {
        try await restore(from: one, to: other)
        try await restore(from: other, to: one)
    }

    private static func number(_ sender: Host, _ receiver: Host) -> Int {
        100 + 10 * sender.rawValue + receiver.rawValue
    }

    public func remove() {
        for namespace in namespaces.values { namespace.remove() }
        router.remove()
    }
}
