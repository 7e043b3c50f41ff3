// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

/// One of the processes that a ``ProcessLauncher`` runs.
///
/// It has a group of its own, so that Ctrl-C reaches it once: through the launcher.
struct LaunchedProcess {
  /// How it ended; nil while it runs.
  private(set) var ending: WorkerProcess.Ending?
  private let process: pid_t
  /// Descriptor of what it writes to standard error, where that is not the launcher's own; open as long as the launcher.
  private let errors: Int32?

  /// - Parameters:
  ///   - lifeline: a descriptor that stays open in it.
  ///   - isHeard: whether it has the launcher's standard input, output and errors.
  /// - Throws: `InputError` if it cannot be started.
  init(_ words: [String], _ environment: [String: String], lifeline: Int32, isHeard: Bool) throws(InputError) {
    var actions = posix_spawn_file_actions_t(), attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    // Onto itself: so it is not closed there.
    posix_spawn_file_actions_adddup2(&actions, lifeline, lifeline)
    if isHeard {
      errors = nil
    } else {
      let file = try Self.temporaryFile()
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
      posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
      posix_spawn_file_actions_adddup2(&actions, file, 2)
      errors = file
    }
    var started: pid_t = 0
    let code = withCStrings(words) { words in
      withCStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
        posix_spawn(&started, words[0]!, &actions, &attributes, words, environment)
      }
    }
    guard code == 0 else { throw InputError(path: words[0], expected: "a program that can be started", code: code) }
    process = started
  }

  /// Looks whether it has ended since this was last asked.
  mutating func hasEnded() -> Bool {
    guard ending == nil else { return false }
    var status: Int32 = 0
    let found = waitpid(process, &status, WNOHANG)
    guard found != 0 else { return false }
    guard found == process else {
      ending = .exit(-1)
      return true
    }
    let number = status & 0x7F
    ending = number == 0 ? .exit(status >> 8 & 0xFF) : .signal(number)
    return true
  }

  /// Asks it to stop between two steps.
  func interrupt() { if ending == nil { Foundation.kill(process, SIGINT) } }

  /// Ends it at once.
  mutating func kill() {
    guard ending == nil else { return }
    Foundation.kill(process, SIGKILL)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    ending = .signal(SIGKILL)
  }

  /// The last line that it wrote to standard error, without the program's name.
  var lastWords: String {
    guard let errors else { return "" }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let start = max(0, lseek(errors, 0, SEEK_END) - bytes.count), count = pread(errors, &bytes, bytes.count, start)
    let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    let line = text.split(separator: "\n").last.map(String.init) ?? ""
    return line.hasPrefix("dist2: ") ? String(line.dropFirst(7)) : line
  }

  /// A file without a name.
  private static func temporaryFile() throws(InputError) -> Int32 {
    let template = NSTemporaryDirectory() + "/dist2-XXXXXX"
    var path = template.utf8CString
    let descriptor = path.withUnsafeMutableBufferPointer { mkstemp($0.baseAddress!) }
    guard descriptor >= 0 else { throw InputError(path: template, expected: "a place to write to", code: errno) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    path.withUnsafeBufferPointer { _ = unlink($0.baseAddress!) }
    return descriptor
  }
}
