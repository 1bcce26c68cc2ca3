/// The lists of `GET /v1/pool`, newest first.
public enum PoolList: String, Sendable, CaseIterable {
    /// Every public customer.
    case open
    /// Public for four weeks and more.
    case cold
    /// Public, and no active person of department 1001 may have it: a manager must assign it.
    case exhausted

    static let coldDays = 28
}

/// A customer of the pool.
public struct PoolCustomer: Sendable, Equatable, Encodable {
    public let customer: CustomerView
    /// The caller could grab it now.
    public let mayGrab: Bool

    private enum CodingKeys: String, CodingKey { case mayGrab = "may_grab" }

    public func encode(to encoder: any Encoder) throws {
        try customer.encode(to: encoder)
        var out = encoder.container(keyedBy: CodingKeys.self)
        try out.encode(mayGrab, forKey: .mayGrab)
    }
}
