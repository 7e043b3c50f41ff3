// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing

/// Numbers that JSON does not have.
@Suite struct JSONOutputTests {
  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func areNamedWithTheirPlace(value: Double) throws {
    let json: JSON = ["a": 1, "rows": [["mean": .double(2)], ["mean": .double(value)]]]
    #expect(json.notFinite?.place == "rows[1].mean")
    let error = #expect(throws: InputError.self) { try json.output(path: "results.json") }
    #expect(error?.path == "results.json" && error?.place == "key rows[1].mean" && error?.found == "\(value)")
    #expect(try JSON(parsing: json.text(), path: "") == ["a": 1, "rows": [["mean": 2.0], ["mean": nil]]])
  }

  @Test func areNamedInCodableValuesToo() throws {
    struct Row: Encodable { var name: String, scores: [Double] }
    let error = #expect(throws: InputError.self) {
      try encodedJSON([Row(name: "a", scores: [1, 2]), Row(name: "b", scores: [1, .nan])], path: "out.json")
    }
    #expect(error?.place == "key [1].scores[1]")
    #expect(error?.path == "out.json")
    let text = try encodedJSON(Row(name: "a/b", scores: [0.5]), path: "out.json")
    #expect(String(decoding: text, as: UTF8.self) == "{\"name\":\"a/b\",\"scores\":[0.5]}")
  }
}
