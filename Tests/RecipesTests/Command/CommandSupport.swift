// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Testing

/// `dist2` next to the test program, where SwiftPM puts it.
let dist2Program: String? = {
  let folder = URL(fileURLWithPath: CommandLine.programPath).deletingLastPathComponent().path
  return [folder, folder + "/.."].map { $0 + "/dist2" }.first { FileManager.default.isExecutableFile(atPath: $0) }
}()

/// Runs `dist2` as a shell does, in a folder of its own that holds a small model, `m`.
final class CommandLab {
  let folder: String
  private let program: String

  struct Outcome {
    /// The exit code, or 128 and the number of the signal.
    var code: Int32
    var output: String
    var errors: String
    /// Seconds of processor time.
    var seconds: Double
    /// Largest resident memory.
    var bytes: Int
  }

  init(model: Bool = true) throws {
    program = try #require(dist2Program)
    folder = FileManager.default.temporaryDirectory.appending(path: "command-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    if model {
      _ = try NewLanguageModel(width: 16, layers: 1, heads: 2, contextLength: 64).write(to: folder + "/m")
    }
  }

  deinit { try? removeTree(folder) }

  func write(_ name: String, _ text: String) throws { try AtomicFile.write(text.utf8, to: "\(folder)/\(name)") }

  /// A run file with sums to learn, `run.yaml`.
  func writeRun(_ train: String = "{ steps: 4, batch: 4, samples: 1 }") throws {
    try write("train.jsonl", TinyRun.sums(16))
    try write(
      "run.yaml",
      """
      model: m
      data: { train: train.jsonl, valid: train.jsonl, test: train.jsonl }
      metrics: [{ tokens: digits }]
      train: \(train)
      """)
  }

  /// A shell's process of its own; `line` names the program `$D`.
  func start(_ line: String, seconds: Int = 60) throws -> pid_t {
    var environment = ProcessInfo.processInfo.environment
    environment["D"] = program
    environment["OMP_NUM_THREADS"] = "1"
    environment["SWIFT_BACKTRACE"] = "enable=no"
    let words = ["/bin/sh", "-c", "cd '\(folder)' && ulimit -t \(seconds) && { \(line)\n}"]
    var process: pid_t = 0
    // The tests' own processes ignore some signals; a shell's do not.
    var attributes = posix_spawnattr_t(), signals = sigset_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for number in [SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ] { sigaddset(&signals, number) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    let (arguments, variables) = (words.map { strdup($0) } + [nil], environment.map { strdup("\($0)=\($1)") } + [nil])
    defer { for text in arguments + variables { free(text) } }
    try #require(posix_spawn(&process, "/bin/sh", nil, &attributes, arguments, variables) == 0)
    return process
  }

  /// Runs a line to its end.
  func run(_ line: String, seconds: Int = 60) throws -> Outcome {
    let process = try start("{ \(line)\n} >out.txt 2>err.txt </dev/null", seconds: seconds)
    var status: Int32 = 0, usage = rusage()
    while wait4(process, &status, 0, &usage) < 0 { try #require(errno == EINTR) }
    func text(_ name: String) -> String {
      String(decoding: (try? Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))) ?? Data(), as: UTF8.self)
    }
    func time(_ value: timeval) -> Double { Double(value.tv_sec) + Double(value.tv_usec) / 1e6 }
    return Outcome(
      code: status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F, output: text("out.txt"),
      errors: text("err.txt"), seconds: time(usage.ru_utime) + time(usage.ru_stime), bytes: Int(usage.ru_maxrss) << 10)
  }
}
