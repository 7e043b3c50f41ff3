// SPDX-License-Identifier: Apache-2.0
import Experiments
import Files
import Foundation
import Reports
import TestSupport
import Testing

@Suite struct ClaimsTests {
  private let narrow = Terminal(
    isInteractive: false, hasColor: false, hasUnicode: true, size: { Terminal.Size(columns: 80, rows: 30) },
    write: { _ in })

  private func found(_ report: ClaimsReport, _ id: String) throws -> JSON {
    guard case .array(let all) = report.json else { throw CancellationError() }
    return try #require(all.first { $0["id"] == .string(id) })
  }

  /// What is mathematics is computed, what is not there is named with its command.
  @Test func nothingRunIsNamed() throws {
    let place = try TemporaryFolder(), report = try ClaimsReport(in: place.path)
    for id in ["K2", "K3", "K4", "K5"] {
      guard case .array(let list)? = try found(report, id)["found"] else { throw CancellationError() }
      #expect(list.count == 1 && list[0]["conclusion"] == .string("better"), "\(list)")
    }
    #expect(try found(report, "K9")["missing"] == .string("dist2 reproduce grounding (half an hour of two cores)"))
    guard case .array(let all) = report.json else { throw CancellationError() }
    // K1 to K20; K16 and K17 are two claims each.
    #expect(all.count == 22)
  }

  @Test func reportsAreRead() throws {
    let place = try TemporaryFolder()
    for name in ["one", "two", "other"] { try makeFolders("\(place.path)/\(name)") }
    func report(_ conclusion: String, _ finding: String) -> String {
      "{\"command\": \"dist2 x\", \"claims\": [{\"id\": \"K6\", \"claim\": \"c\", \"finding\": \"\(finding)\", "
        + "\"conclusion\": \"\(conclusion)\", \"verdicts\": []}]}"
    }
    try AtomicFile.write(report("better", "lower").utf8, to: place.path + "/one/report.json")
    try AtomicFile.write(report("noDifferenceShown", "none").utf8, to: place.path + "/two/report.json")
    try AtomicFile.write("{\"runs\": []}".utf8, to: place.path + "/other/report.json")
    let text = try ClaimsReport(in: place.path).markdown
    #expect(text.contains("holds here; no difference shown"))
    #expect(text.contains("\(place.path)/one; \(place.path)/two"))
    try AtomicFile.write(report("sure", "x").utf8, to: place.path + "/two/report.json")
    let rest = try ClaimsReport(in: place.path)
    #expect(rest.markdown.contains("holds here"))
    #expect(rest.text(narrow).contains("two/report.json"))
    #expect(throws: InputError.self) { try ClaimsReport(in: place.path + "/none") }
  }
}
