internal import CRM
internal import HTTPTypes
internal import Hummingbird

enum MeEndpoint {
    static var endpoint: Endpoint {
        Endpoint(.get, "/v1/me", "The caller and what he may do", access: .token) { call in
            let caller = try call.identified()
            return .json(
                JSONWriter.object { out in
                    out.field("id", id: caller.userID)
                    out.field("username", caller.name)
                    out.field("seller_id", id: caller.sellerID)
                    out.array("codes") { out in
                        for code in caller.codes.sorted() { out.element(code) }
                    }
                    out.field("menu", raw: caller.menu)
                })
        }
    }
}
