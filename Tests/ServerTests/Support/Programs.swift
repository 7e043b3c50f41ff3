// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Programs beside ours that some tests drive.
enum Programs {
  /// A headless browser.
  static let chromium = ["chromium", "chromium-browser", "google-chrome"].lazy.compactMap(path).first

  /// A Python that can import `module`: DIST2_PYTHON, else python3.
  static func python(with module: String) -> String? {
    let candidates = [ProcessInfo.processInfo.environment["DIST2_PYTHON"], path("python3")].compactMap { $0 }
    return candidates.first { (try? run($0, ["-c", "import \(module)"]).status) == 0 }
  }

  /// Runs a program to its end; its standard output with what it says on standard error, if asked.
  static func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], withErrors: Bool = false
  ) throws -> (status: Int32, output: String) {
    let process = Process(), output = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = FileManager.default.temporaryDirectory  // some leave caches where they stand
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = output
    process.standardError = withErrors ? output : FileHandle.nullDevice
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
  }

  private static func path(_ name: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
