import Foundation
import Testing

@testable import CRM

@Suite struct AssignmentArgumentsTests {
    private func decode(_ text: String) throws -> AssignmentArguments {
        try JSONDecoder().decode(AssignmentArguments.self, from: Data(text.utf8))
    }

    @Test func idsAreNumbersOrDigitsAndKeepTheirOrder() throws {
        #expect(try decode(#"{"customer_ids": [3, "2147483647", 1]}"#).customers == [3, 2_147_483_647, 1])
        let chunk = try decode(#"{"customer_ids": [], "import_id": "8", "chunk": 0}"#)
        #expect(chunk == AssignmentArguments(customers: [], chunk: .init(importID: 8, chunk: 0)))
        #expect(try decode(String(decoding: chunk.json, as: UTF8.self)) == chunk)
    }

    @Test(
        "what can be no customer is refused at the door: one such job would fail the transaction of all others",
        arguments: [
            (#"{"customer_ids": [1, 2147483648]}"#, "at most 2147483647"),
            (#"{"customer_ids": ["99999999999999999999"]}"#, "whole number"), (#"{"customer_ids": [0]}"#, "at least 1"),
            (#"{"customer_ids": [1], "import_id": 1}"#, "go together"),
        ])
    func refused(_ text: String, _ why: String) throws {
        let error = #expect(throws: DecodingError.self) { try decode(text) }
        guard case .dataCorrupted(let context) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(context.debugDescription.contains(why))
    }
}
