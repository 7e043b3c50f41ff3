// SPDX-License-Identifier: Apache-2.0
import TaskData
import Evaluation
import Files
import Foundation
import Recipes
import Testing
import TokenData

/// `scripts/convert_refs.py` on files made as RefCOCO's are: `Tests/Fixtures/grounding/make.py`.
@Suite struct ConvertRefsTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardized.path
  static let hasPython = fileExists("/usr/bin/env") && (try? run(["--version"]).status) == 0

  private static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    (process.standardOutput, process.standardError) = (pipe, pipe)
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  private func convert(_ refs: String, to output: String) throws -> (status: Int32, output: String) {
    let fixtures = Self.root + "/Tests/Fixtures/grounding"
    return try Self.run([
      Self.root + "/scripts/convert_refs.py", "\(fixtures)/\(refs)", "\(fixtures)/instances.json", "--name", "refcoco",
      "-o", output,
    ])
  }

  @Test(.enabled(if: hasPython, "there is no python3")) func everySentenceBecomesARow() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "refs-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try convert("refs.p", to: folder + "/rows.jsonl")
    #expect(outcome.status == 0, "\(outcome.output)")
    #expect(outcome.output.contains("refcoco-testA 2, train 1"), "\(outcome.output)")
    let file = try JSONLFile(folder + "/rows.jsonl")
    let rows = try (0..<file.count).map { try ReferringRow(file.record($0), source: file.name($0)) }
    #expect(rows.map(\.expression) == ["the left cup", "cup on left", "spoon"])
    #expect(rows.map(\.id) == ["refcoco 5.0", "refcoco 5.1", "refcoco 6.0"])
    #expect(rows[1].box == BoundingBox([10, 20, 40, 60.5]) && rows[2].split == "train")
  }

  @Test(.enabled(if: hasPython, "there is no python3")) func nothingInAPickleIsRun() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "refs-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try convert("runs.p", to: folder + "/rows.jsonl")
    #expect(outcome.status == 1, "\(outcome.output)")
    #expect(outcome.output.contains("print, which is no plain data"), "\(outcome.output)")
    #expect(!outcome.output.contains("never be seen"))
    #expect(!fileExists(folder))
  }
}
