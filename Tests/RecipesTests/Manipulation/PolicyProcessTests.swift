// SPDX-License-Identifier: Apache-2.0
import ModelImport
import Files
import Foundation
import Recipes
import Testing

/// Next to the test program, where SwiftPM puts it.
private let program: String? = {
  let folder = URL(fileURLWithPath: CommandLine.programPath).deletingLastPathComponent().path
  return [folder, folder + "/.."].map { $0 + "/dist2" }.first { FileManager.default.isExecutableFile(atPath: $0) }
}()

/// `dist2 policy` as a simulator meets it: a process with a pipe on either side.
@Suite(.enabled(if: program != nil, "dist2 has not been built beside the tests"))
struct PolicyProcessTests {
  @Test func linesComeBackOneByOne() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "policy-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    _ = try GGUFImport(importFixtures + "/smollm.gguf").write(to: folder + "/model", precision: .f32, replacing: false)

    let process = Process(), input = Pipe(), output = Pipe()
    process.executableURL = URL(fileURLWithPath: try #require(program))
    process.arguments = ["policy", folder + "/model", "--set", "evaluate.maxNewTokens=3"]
    (process.standardInput, process.standardOutput) = (input, output)
    process.standardError = FileHandle.nullDevice
    try process.run()
    var read = [UInt8]()
    // An answer comes before the next observation is sent: nobody waits for the other.
    func answer(to line: String) throws -> JSONReader {
      try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
      while true {
        if let end = read.firstIndex(of: UInt8(ascii: "\n")) {
          let text = String(decoding: read[..<end], as: UTF8.self)
          read.removeFirst(end + 1)
          return JSONReader(try JSON(parsing: text, path: "answer"), path: "answer")
        }
        let chunk = output.fileHandleForReading.availableData
        try #require(!chunk.isEmpty, "the process ended")
        read += chunk
      }
    }
    let first = try answer(to: "{\"id\": 1, \"text\": \"Where?\"}")
    #expect(try first.int(at: "id") == 1)
    #expect(try first.string(at: "problem") == "noLocation")
    #expect(try answer(to: "nonsense").string(at: "error").contains("line 2"))
    #expect(try answer(to: String(repeating: "x", count: 3 << 20)).string(at: "error").contains("line 3"))
    #expect(try answer(to: "{\"id\": 4, \"text\": \"Where?\"}").string(at: "answer") == first.string(at: "answer"))
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }
}

/// `dist2 reproduce manipulation` as a user meets it.
@Suite(.enabled(if: program != nil, "dist2 has not been built beside the tests"))
struct ManipulationProcessTests {
  /// With a model that sees, and paths as seen from the current folder.
  @Test func pathsAreSeenFromHere() throws {
    let tiny = try TinyManipulation()
    _ = try tiny.seeing()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(program))
    process.arguments = [
      "reproduce", "manipulation", "--scale", "tiny", "--observation", "image", "--model", "vlm", "-o", "out", "--jobs",
      "1",
      "--objectives", "sft", "--episodes", "1", "--set", "evaluate.maxNewTokens=4",
    ]
    process.currentDirectoryURL = URL(fileURLWithPath: tiny.folder)
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let page = try String(contentsOfFile: tiny.folder + "/out/report.html", encoding: .utf8)
    #expect(page.contains("data:image/png"))
    #expect(fileExists(tiny.folder + "/out/cells/sft-n4-seed1.json"))
  }
}
