/// A customer as the interface shows it, as of today: one that is overdue and not swept yet reads public.
public struct CustomerView: Sendable, Equatable, Codable {
    public let id: String
    public let qq: String
    public let name: String
    public let gender: Int?
    public let education: Int?
    public let graduationSchool: String?
    public let major: String?
    public let experience: Int?
    public let workStatus: Int?
    public let company: String?
    public let salary: String?
    public let source: Int
    public let referralFromID: String?
    public let status: Int
    public let consultantID: String?
    public let recvDate: String?
    public let date: String
    public let lastConsultDate: String
    /// Ids of `crm_course`.
    public let course: [String]
    /// `pending private public closed`.
    public let poolState: String
    public let poolSince: String?
    public let protectedUntil: String?
    /// Last days on which a follow-up, or a deal, still counts; private customers only.
    public let followDueOn: String?
    public let dealDueOn: String?
    /// The first day on which it is no longer private; private customers only.
    public let expiresOn: String?
    public let importID: String?
    public let version: Int

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case id, qq, name, gender, education
        case graduationSchool = "graduation_school"
        case major, experience
        case workStatus = "work_status"
        case company, salary, source
        case referralFromID = "referral_from_id"
        case status
        case consultantID = "consultant_id"
        case recvDate = "recv_date"
        case date
        case lastConsultDate = "last_consult_date"
        case course
        case poolState = "pool_state"
        case poolSince = "pool_since"
        case protectedUntil = "protected_until"
        case followDueOn = "follow_due_on"
        case dealDueOn = "deal_due_on"
        case expiresOn = "expires_on"
        case importID = "import_id"
        case version
    }

    public func encode(to encoder: any Encoder) throws {
        var out = encoder.container(keyedBy: CodingKeys.self)
        try out.encode(id, forKey: .id)
        try out.encode(qq, forKey: .qq)
        try out.encode(name, forKey: .name)
        try out.encode(gender, forKey: .gender)
        try out.encode(education, forKey: .education)
        try out.encode(graduationSchool, forKey: .graduationSchool)
        try out.encode(major, forKey: .major)
        try out.encode(experience, forKey: .experience)
        try out.encode(workStatus, forKey: .workStatus)
        try out.encode(company, forKey: .company)
        try out.encode(salary, forKey: .salary)
        try out.encode(source, forKey: .source)
        try out.encode(referralFromID, forKey: .referralFromID)
        try out.encode(status, forKey: .status)
        try out.encode(consultantID, forKey: .consultantID)
        try out.encode(recvDate, forKey: .recvDate)
        try out.encode(date, forKey: .date)
        try out.encode(lastConsultDate, forKey: .lastConsultDate)
        try out.encode(course, forKey: .course)
        try out.encode(poolState, forKey: .poolState)
        try out.encode(poolSince, forKey: .poolSince)
        try out.encode(protectedUntil, forKey: .protectedUntil)
        try out.encode(followDueOn, forKey: .followDueOn)
        try out.encode(dealDueOn, forKey: .dealDueOn)
        try out.encode(expiresOn, forKey: .expiresOn)
        try out.encode(importID, forKey: .importID)
        try out.encode(version, forKey: .version)
    }
}
