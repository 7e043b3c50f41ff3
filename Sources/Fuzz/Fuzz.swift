// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// Feeds readers with valid input that was changed in some way: `Fuzz [--seed N] [--seconds N] [--only NAME]`.
///
/// Each batch of inputs is read by a process of its own, with a bound on memory and on the seconds of each input. An input
/// that ends the process otherwise than by an `InputError` is kept, and its path printed. The same seed makes the same
/// inputs. To be run in the repository, whose fixtures are what is changed.
@main struct Fuzz {
  /// Inputs of a process.
  static let batch = 200
  /// Seconds for an input, generous for a debug build on a busy machine.
  static let seconds: UInt32 = 20
  /// Bytes of memory on top of what the process begins with.
  static let memory = 2 << 30

  static func main() throws {
    let options: FuzzOptions
    do {
      let words = CommandLine.arguments.dropFirst()
      if words.contains("--help") || words.contains("-h") {
        print(FuzzOptions.usage)
        return
      }
      options = try FuzzOptions(words)
    } catch let error as FuzzOptions.Misuse {
      misused(error.words)
    }
    if let name = options.child, let target = FuzzTarget.all.first(where: { $0.name == name }) {
      do { return try Child(target, options).run() } catch {
        _ = ByteStream.standardError.tryWrite("fuzz: \(error)\n")
        exit(1)
      }
    }
    guard fileExists("Tests/Fixtures") else { misused("no Tests/Fixtures here; run it in the repository") }
    try FileManager.default.createDirectory(atPath: options.folder, withIntermediateDirectories: true)
    let targets = FuzzTarget.all.filter { options.only == nil || options.only == $0.name }
    let end = Date(timeIntervalSinceNow: options.seconds)
    var round: UInt64 = 0, inputs = 0, failures: [String] = []
    repeat {
      for target in targets where round == 0 || Date() < end {
        let seed = options.seed &+ round
        if let failure = try Self.run(target, seed, options) { failures.append(failure) }
        inputs += batch
      }
      round += 1
    } while Date() < end && failures.isEmpty
    print("fuzz: \(inputs) inputs, \(failures.count) failures, seed \(options.seed)")
    for failure in failures { print(failure) }
    exit(failures.isEmpty ? 0 : 1)
  }

  /// Ends with what is wrong with the command line, and 64, the exit code for that (`sysexits.h`).
  private static func misused(_ words: String) -> Never {
    _ = ByteStream.standardError.tryWrite("fuzz: \(words)\n\(FuzzOptions.usage)\n")
    exit(64)
  }

  /// Runs a batch in a process of its own.
  ///
  /// - Returns: what to say of the input that ended it, if one did.
  private static func run(_ target: FuzzTarget, _ seed: UInt64, _ options: FuzzOptions) throws -> String? {
    let current = "\(options.folder)/\(target.name)-current.\(target.suffix)"
    let process = Process()
    process.executableURL = URL(filePath: CommandLine.arguments[0])
    process.arguments = ["--child", target.name, "--seed", "\(seed)", "--folder", options.folder]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    let isCrash = process.terminationReason == .uncaughtSignal
    guard isCrash || process.terminationStatus != 0 else { return nil }
    let kept = "\(options.folder)/\(target.name)-\(seed)-failed.\(target.suffix)"
    try? FileManager.default.removeItem(atPath: kept)
    try? FileManager.default.moveItem(atPath: current, toPath: kept)
    let how =
      isCrash && process.terminationStatus == SIGALRM
      ? "took more than \(seconds) s"
      : isCrash ? "ended by signal \(process.terminationStatus)" : "an error that is no InputError"
    return "\(target.name), seed \(seed): \(how): \(kept)"
  }
}

/// Reads one batch of inputs, one after another.
struct Child {
  private let target: FuzzTarget
  private let options: FuzzOptions

  init(_ target: FuzzTarget, _ options: FuzzOptions) { (self.target, self.options) = (target, options) }

  func run() throws {
    let path = "\(options.folder)/\(target.name)-current.\(target.suffix)"
    var mutation = Mutation(seed: options.seed)
    let seeds = try target.seeds()
    guard !seeds.isEmpty else { throw InputError(path: target.name, expected: "fixtures to change", found: "none") }
    signal(SIGPIPE, SIG_IGN)
    // Tables that are made once are no input's fault.
    try? target.read(seeds[0], path)
    limitMemory()
    for _ in 0..<Fuzz.batch {
      let bytes = mutation.changed(seeds[mutation.draw(seeds.count)])
      // Written first, so that it is there when the process is not.
      try Data(bytes).write(to: URL(filePath: path))
      alarm(Fuzz.seconds)
      try target.attempt(bytes, path)
      alarm(0)
    }
  }

  private func limitMemory() {
    let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ").first
    guard let pages, let used = Int(pages) else { return }
    var limit = rlimit()
    limit.rlim_cur = rlim_t(used * Int(sysconf(Int32(_SC_PAGESIZE))) + Fuzz.memory)
    limit.rlim_max = limit.rlim_cur
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
  }
}
