/// A customer that waits for a seller.
public struct WaitingCustomer: Sendable, Equatable {
    public let id: Int
    /// Sellers who may not have this customer.
    public let barred: [Int]

    public init(id: Int, barred: [Int] = []) {
        self.id = id
        self.barred = barred
    }
}

/// Why a customer is still without a seller.
public enum PendingReason: String, Sendable {
    /// No seller can take anybody now.
    case noCapacity = "no_capacity"
    /// Somebody can, but is barred for this customer or has no slot before the cycle's other slots are taken.
    case barred
}

/// What a plan starts from.
public struct AssignmentInput: Sendable {
    public var strategy: AssignmentStrategy
    /// The open cycle; `nil` when none is.
    public var openCycle: Int?
    /// Number of the newest cycle, 0 before the first.
    public var lastCycle: Int
    public var sellers: [Seller]
    /// Free slots that an undo gave back, by position: each goes before tokens of a later position.
    public var returned: [SlotToken]
    /// Slots popped from the list, in their order, that are free slots of the open cycle.
    public var tokens: [SlotToken]
    /// The list gave all it had. Otherwise the plan stops at the last token rather than take slots out of turn.
    public var listRanOut: Bool
    /// In the order in which they are served.
    public var customers: [WaitingCustomer]

    public init(
        strategy: AssignmentStrategy, openCycle: Int?, lastCycle: Int, sellers: [Seller], returned: [SlotToken] = [],
        tokens: [SlotToken] = [], listRanOut: Bool = true, customers: [WaitingCustomer]
    ) {
        self.strategy = strategy
        self.openCycle = openCycle
        self.lastCycle = lastCycle
        self.sellers = sellers
        self.returned = returned
        self.tokens = tokens
        self.listRanOut = listRanOut
        self.customers = customers
    }
}

/// Who gets whom: the result of ``AssignmentPlanner``, free of any store.
public struct AssignmentPlan: Sendable, Equatable {
    public struct Assignment: Sendable, Equatable {
        /// Place of the customer in the input, from 0.
        public let index: Int
        public let customer: Int
        public let slot: SlotToken
    }

    public struct Void: Sendable, Equatable {
        public let slot: SlotToken
        public let reason: VoidReason
    }

    public struct Pending: Sendable, Equatable {
        public let index: Int
        public let customer: Int
        public let reason: PendingReason
    }

    public enum SlotState: Sendable, Equatable {
        case free
        /// By the customer with this place in the input.
        case used(Int)
        case void(VoidReason)
    }

    public struct Cycle: Sendable, Equatable {
        public let number: Int
        /// Users of slot 1, 2, …
        public let users: [Int]
        /// Slot 1, 2, …
        public var states: [SlotState]
        public var free: Int

        public var isClosed: Bool { free == 0 }
        public var whole: [SlotToken] { users.indices.map(token) }
        public var open: [SlotToken] { users.indices.filter { states[$0] == .free }.map(token) }

        private func token(_ index: Int) -> SlotToken {
            SlotToken(cycle: number, position: index + 1, user: users[index])
        }
    }

    /// In the order in which slots were taken.
    public var assignments: [Assignment] = []
    /// Slots of the cycle that was open before; those of new cycles stand in ``built``.
    public var voids: [Void] = []
    /// New cycles in order; all but the last are closed.
    public var built: [Cycle] = []
    /// Shares every new cycle was built from.
    public var shares: [CycleShare] = []
    public var pending: [Pending] = []
    /// Tokens of the input that are still free slots of the open cycle, in their order.
    public var unused: [SlotToken] = []
    /// Customers for whom more tokens must be popped first: the plan is incomplete.
    public var missing = 0
    /// The list had run out and free slots of the open cycle were taken by position instead.
    public var refilled = false
}
