// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Synchronization

/// A process with pipes for its input, output and errors.
///
/// Its standard input never holds anything; it ends when this process does, however that comes about. By that the
/// worker knows that nobody waits for it any more, and ends: ``endWithParent()``.
struct WorkerProcess {
  /// How it ended.
  enum Ending: Equatable, CustomStringConvertible {
    case exit(Int32), signal(Int32)

    var description: String {
      switch self {
      case .exit(let code): "exit code \(code)"
      case .signal(let number): "signal \(number)"
      }
    }
  }

  /// In the environment of the worker: the descriptor that it finds closed when nobody waits for it any more.
  static let mark = "DIST2_WORKER"
  // Between the making of a pipe and the mark that keeps it from other children none may be started.
  private static let starting = Mutex(())

  private let words: [String]
  private let process: pid_t
  private let input: Int32, output: Int32, errors: Int32

  /// Starts the program `words[0]`.
  ///
  /// - Throws: `InputError` if it cannot be started.
  init(_ words: [String]) throws(InputError) {
    self.words = words
    let result = Self.starting.withLock { _ in Result { () throws(InputError) in try Self.start(words) } }
    (process, input, output, errors) = try result.get()
  }

  /// Reads what it says until it ends.
  ///
  /// - Parameters:
  ///   - onLine: takes each line of its standard output.
  ///   - onError: takes what it writes to standard error, in pieces.
  func run(onLine: (ArraySlice<UInt8>) -> Void, onError: ([UInt8]) -> Void) -> Ending {
    var entries = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    var rest = [UInt8](), chunk = [UInt8](repeating: 0, count: 1 << 16)
    while entries.contains(where: { $0.fd >= 0 }) {
      guard poll(&entries, nfds_t(entries.count), -1) >= 0 || errno == EINTR else { break }
      for index in entries.indices where entries[index].fd >= 0 && entries[index].revents != 0 {
        let count = read(entries[index].fd, &chunk, chunk.count)
        if count < 0, errno == EINTR || errno == EAGAIN { continue }
        guard count > 0 else {
          entries[index].fd = -1  // poll(2) passes over it
          continue
        }
        if index == 1 {
          onError(Array(chunk[..<count]))
          continue
        }
        rest += chunk[..<count]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
          onLine(rest[..<end])
          rest.removeFirst(end + 1)
        }
      }
    }
    for descriptor in [input, output, errors] { close(descriptor) }
    return ending()
  }

  private func ending() -> Ending {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 { guard errno == EINTR else { return .exit(-1) } }
    let number = status & 0x7F
    return number == 0 ? .exit(status >> 8 & 0xFF) : .signal(number)
  }

  /// Lets a worker end when the process that started it does. Does nothing in other processes.
  ///
  /// - Throws: `InputError` if the system has no thread for this.
  static func endWithParent() throws(InputError) {
    guard let text = getenv(mark) else { return }
    let lifeline = Int32(String(cString: text)) ?? 0
    unsetenv(mark)
    try Threads.detach(stack: 1 << 18) {
      var byte: UInt8 = 0
      while true {
        let count = read(lifeline, &byte, 1)
        // What it was doing can be gone on with; every file is whole.
        if count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN) { _exit(128 + SIGTERM) }
      }
    }
  }

  private static func start(_ words: [String]) throws(InputError) -> (pid_t, Int32, Int32, Int32) {
    func failure(_ code: Int32) -> InputError {
      InputError(path: words[0], expected: "a program that can be started", code: code)
    }
    var open: [Int32] = [], isStarted = false
    defer { if !isStarted { for descriptor in open { close(descriptor) } } }
    for _ in 0..<3 {
      var ends: [Int32] = [0, 0]
      guard pipe(&ends) == 0 else { throw failure(errno) }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      open += ends
    }
    let theirs = [open[0], open[3], open[5]], ours = [open[1], open[2], open[4]]
    var actions = posix_spawn_file_actions_t(), process: pid_t = 0
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in theirs.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    var environment = ProcessInfo.processInfo.environment
    environment[mark] = "0"
    let code = withCStrings(words) { words in
      withCStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
        posix_spawn(&process, words[0]!, &actions, nil, words, environment)
      }
    }
    guard code == 0 else { throw failure(code) }
    isStarted = true
    for descriptor in theirs { close(descriptor) }
    return (process, ours[0], ours[1], ours[2])
  }
}

/// Calls `body` with texts as C has them, nil behind the last.
func withCStrings<Result>(
  _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  let pointers = texts.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
