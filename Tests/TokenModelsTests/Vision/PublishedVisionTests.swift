// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// Configurations of published models that see: `Tests/Fixtures/vision/published.py`.
@Suite struct PublishedVisionTests {
  private static let folder = URL(filePath: Fixture.folder).deletingLastPathComponent().appending(path: "vision").path

  /// As many parameters as transformers gives them, and the table of docs/models.md. `DIST2_WRITE_TABLE=1` writes it.
  @Test func sizesEqualTransformersAndTheTableIsTrue() throws {
    let temporary = try TemporaryFolder()
    var lines = ["| Checkpoint | `model_type` | loads |", "|---|---|---|"], loaded = 0
    for row in try JSONReader(file: Self.folder + "/published.json").elements() {
      let config = try row.at("config"), type = try config.string(at: "model_type")
      try Data(config.value.text().utf8).write(to: URL(filePath: temporary.path + "/config.json"))
      var verdict = "yes"
      do {
        let model = try describeModel(folder: temporary.path)
        let count = model.parameters().reduce(0) { $0 + $1.tensor.count }
        #expect(row.value["count"] == .int(count), "\(type)")
        #expect(model is any VisionLanguageModel)
        loaded += 1
      } catch let error as InputError {
        #expect(row.value["count"] == .null, "\(error)")
        verdict = "no: \(error.place)"
      }
      lines.append("| \(try row.string(at: "name")) | `\(type)` | \(verdict) |")
    }
    #expect(loaded == 15)
    let path = URL(filePath: Self.folder + "/../../../docs/models.md").standardized
    let text = try String(contentsOf: path, encoding: .utf8), table = lines.joined(separator: "\n")
    let start = try #require(text.range(of: "<!-- models that see -->\n")?.upperBound)
    let end = try #require(text[start...].range(of: "\n<!-- end -->")?.lowerBound)
    if ProcessInfo.processInfo.environment["DIST2_WRITE_TABLE"] != nil {
      try text.replacingCharacters(in: start..<end, with: table).write(to: path, atomically: true, encoding: .utf8)
      return
    }
    #expect(String(text[start..<end]) == table)
  }
}
