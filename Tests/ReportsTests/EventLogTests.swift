// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Reports
import Testing

/// A new folder that is deleted after `body`.
private func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(path: "dist2-events-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

@Suite struct MetricsLogTests {
  /// A log of three steps of two lines each, and its text.
  static func makeLog(_ path: String) throws -> String {
    let log = try MetricsLog(path: path)
    for step in 1...3 {
      try log.write(step: step, time: 0.5, [("loss", 1 / Double(step)), ("norm", .nan)])
      try log.write(step: step, time: 1, [("valid \"x\"", -.infinity)])
    }
    return try String(contentsOfFile: path, encoding: .utf8)
  }

  /// Opening a pipe that nobody reads would wait for ever, and a device cannot be cut.
  @Test func onlyFilesAreAddedTo() throws {
    try withFolder { folder in
      #expect(mkfifo(folder + "/metrics.jsonl", 0o600) == 0)
      for path in [folder + "/metrics.jsonl", "/dev/null"] {
        for step in [nil, 3] {
          let error = #expect(throws: InputError.self) { _ = try MetricsLog(path: path, resumingAfter: step) }
          #expect(error?.expected == "a file that can be added to, and cut")
        }
      }
    }
  }

  @Test func writesALineAtOnce() throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      let text = try Self.makeLog(path)
      #expect(text.hasPrefix("{\"step\":1,\"time\":0.5,\"loss\":1.0,\"norm\":null}\n{\"step\":1,\"time\":1.0,"))
      let records = try MetricsLog.read(path)
      #expect(records.count == 6)
      #expect(records[4]["loss"] == .double(1.0 / 3) && records[5]["valid \"x\""] == .null)
      // Anew: what was there goes.
      _ = try MetricsLog(path: path)
      #expect(try bytes(path).isEmpty)
    }
  }

  @Test(arguments: 0...4)
  func resumingCutsBackToTheStep(_ step: Int) throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      let lines = try Self.makeLog(path).split(separator: "\n")
      let log = try MetricsLog(path: path, resumingAfter: step)
      let kept = Array(lines.prefix(2 * step))
      #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") == kept)
      try log.write(step: step + 1, time: 2, [])
      #expect(try MetricsLog.read(path).count == kept.count + 1)
      #expect(try MetricsLog.read(path).last?["step"] == .int(step + 1))
    }
  }

  @Test func resumingWhereNothingIsStartsAnew() throws {
    try withFolder { folder in
      let log = try MetricsLog(path: folder + "/metrics.jsonl", resumingAfter: 7)
      try log.write(step: 8, time: 0, [])
      try log.sync()
      #expect(try MetricsLog.read(folder + "/metrics.jsonl").count == 1)
    }
  }

  /// A process killed while it wrote leaves any beginning of its last line.
  @Test func anyTornLastLineIsRepaired() throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      let whole = Array(try Self.makeLog(path).utf8)
      let lastLine = whole.dropLast().lastIndex(of: UInt8(ascii: "\n"))! + 1
      for end in lastLine...whole.count {
        try Data(whole[..<end]).write(to: URL(filePath: path))
        let isWhole = end >= whole.count - 1  // only the line's end is lost
        #expect(try MetricsLog.read(path).count == (isWhole ? 6 : 5))
        let log = try MetricsLog(path: path, resumingAfter: 3)
        try log.write(step: 4, time: 0, [])
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(try MetricsLog.read(path).count == (isWhole ? 7 : 6), "\(text)")
        #expect(text.hasSuffix("\n{\"step\":4,\"time\":0.0}\n"))
      }
    }
  }

  @Test(arguments: [
    "not JSON\n", "{\"loss\":1}\n", "{\"step\":\"1\"}\n", "[1]\n", "\u{0}\n", "\n", "{\"step\":1.5}\n{\"step\":2}\n",
  ])
  func linesOfOthersAreRefused(_ text: String) throws {
    try withFolder { folder in
      let path = folder + "/metrics.jsonl"
      let content = "{\"step\":1}\n" + text
      try content.write(toFile: path, atomically: true, encoding: .utf8)
      let error = #expect(throws: InputError.self) { try MetricsLog(path: path, resumingAfter: 1) }
      #expect(error?.place == "line 2")
      #expect(error?.path == path)
      // And left as they are.
      #expect(try String(contentsOfFile: path, encoding: .utf8) == content)
    }
  }

  @Test func unwritablePlacesAreNamed() throws {
    try withFolder { folder in
      #expect(throws: InputError.self) { try MetricsLog(path: folder) }
      #expect(throws: InputError.self) { try MetricsLog(path: folder + "/none/metrics.jsonl") }
      #expect(throws: InputError.self) { try EventLog(folder: folder + "/none") }
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "needs /dev/full"))
  func aDeviceIsNoLog() throws {
    let error = #expect(throws: InputError.self) { try MetricsLog(path: "/dev/full") }
    #expect(error?.path == "/dev/full")
    #expect(error?.found == "a device")
  }
}

@Suite struct TensorBoardTests {
  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/tensorboard")

  /// RFC 3720, appendix B.4.
  static let checks: [([UInt8], UInt32)] = [
    ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
    ([UInt8](0..<32), 0x46DD_794E), ([UInt8]((0..<32).reversed()), 0x113F_DB5C), ([], 0),
    ([UInt8]("123456789".utf8), 0xE306_9283),
  ]

  @Test(arguments: checks)
  func checksums(_ bytes: [UInt8], _ expected: UInt32) {
    #expect(CRC32C.checksum(bytes) == expected)
  }

  /// Tests/Fixtures/tensorboard/make.py writes the same events with the tensorboard package.
  @Test func bytesAreThoseOfTheTensorBoardPackage() throws {
    try withFolder { folder in
      let time = 1_767_225_600.25
      let log = try TensorBoardLog(folder: folder, resumingAfter: 7, time: time)
      try log.write(step: 8, time: time, [("train/loss", 0.5), ("train/norm", .nan)])
      try log.write(step: 300, time: time, [("train/loss", -1e-7)])
      try log.write(step: 300, time: time, "sample", text: "y = 0.39 – “ß”")
      try log.write(step: 300, time: time, "picture", png: Array(0..<20), width: 2, height: 1)
      try log.sync()
      let name = try #require(FileManager.default.contentsOfDirectory(atPath: folder).first)
      #expect(name.hasPrefix("events.out.tfevents.1767225600."))
      #expect(name.hasSuffix(".0"))
      #expect(try bytes(folder + "/" + name) == bytes(Self.fixtures.appending(path: "events.bin").path))
    }
  }

  @Test func everyLogHasAFileOfItsOwn() throws {
    try withFolder { folder in
      for _ in 0..<3 { _ = try TensorBoardLog(folder: folder, time: 7) }
      let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(names.count == 3)
      #expect(names.allSatisfy { $0.hasPrefix("events.out.tfevents.0000000007.") })
    }
  }

  @Test func histogramsOfNothingAreNothing() throws {
    try withFolder { folder in
      let log = try TensorBoardLog(folder: folder, time: 7)
      let path = folder + "/" + (try FileManager.default.contentsOfDirectory(atPath: folder)[0])
      let size = try bytes(path).count
      try log.write(step: 1, time: 7, "h", histogram: [.nan])
      #expect(try bytes(path).count == size)
    }
  }

  static let python = ProcessInfo.processInfo.environment["DIST2_PYTHON"]

  /// The other way round: the real TensorBoard, reader and web server, on what a run and its resumption wrote.
  @Test(.enabled(if: python != nil, "DIST2_PYTHON names no Python with the tensorboard package"))
  func tensorBoardReadsIt() throws {
    try withFolder { folder in
      var log = try EventLog(folder: folder, now: { 1_767_225_600 })
      for step in 1...30 { try log.write(step: step, [("train/loss", Double(step)), ("train/lr", 0.25)]) }
      try log.write(step: 5, "sample", text: "**0.39**")
      try log.tensorBoard.write(step: 6, time: 0, "scores", histogram: [0, 1, 1, 30])
      log = try EventLog(folder: folder, resumingAfter: 20, now: { 1_767_225_601 })
      for step in 21...25 { try log.write(step: step, [("train/loss", 100 + Double(step))]) }
      try log.sync()

      let process = Process()
      process.executableURL = URL(filePath: try #require(Self.python))
      process.arguments = [Self.fixtures.appending(path: "read.py").path, folder]
      let output = Pipe()
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
      let answer = try JSONReader(
        JSON(parsing: Array(output.fileHandleForReading.readDataToEndOfFile()), path: "read.py"), path: "read.py")
      process.waitUntilExit()
      func rows(_ reader: JSONReader) throws -> [[Double]] {
        try reader.elements().map { try $0.elements().map { try $0.double() } }
      }
      let expected: [[Double]] = (1...25).map { step in [Double(step), Double(step > 20 ? 100 + step : step)] }
      #expect(try rows(answer.at("files").at("scalars").at("train/loss")) == expected)
      #expect(try rows(answer.at("server").at("train/loss")) == expected)
      #expect(try answer.at("files").at("texts").at("sample").value == [[5, "**0.39**"]])
      let histogram = try answer.at("files").at("histograms").at("scores").elements()[0].elements()
      let limits = try histogram[1].elements().map { try $0.double().rounded() }
      let counts = try histogram[2].elements().map { try $0.double() }
      #expect(limits == (1...30).map { Double($0) })
      #expect(counts.count == 30 && counts[0] == 1 && counts[1] == 2 && counts[29] == 1)
    }
  }
}
