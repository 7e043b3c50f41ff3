// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Opens `/dev/null` in place of standard input, output and error where these are closed, so that no file opened later
/// gets their number and, with it, what is meant for them. Reading and writing them fails as it did before.
public func secureStandardDescriptors() {
  for number: Int32 in 0...2 where fcntl(number, F_GETFD) == -1 && errno == EBADF {
    // The lowest number that is free, which is this one. Opened the wrong way round, so that use is an error still.
    if open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY) != number { _exit(1) }
  }
}

/// Makes sure that the process can open as many files as any command holds open at once, raising its own limit where it
/// may.
///
/// Beyond what dist2 opens itself, where each failure is an error with words, Foundation, the runtime's event loops and
/// libtorch open descriptors of their own, and end the process when there is none.
///
/// - Throws: `InputError` if there are too few.
public func requireDescriptors(_ count: Int = 48) throws(InputError) {
  if free(count) { return }
  var limit = rlimit()
  #if canImport(Glibc)
    let number = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
    let number = RLIMIT_NOFILE
  #endif
  if getrlimit(number, &limit) == 0, limit.rlim_cur < limit.rlim_max {
    limit.rlim_cur = min(limit.rlim_max, 4096)
    setrlimit(number, &limit)
    if free(count) { return }
  }
  _ = getrlimit(number, &limit)
  throw InputError(
    path: "<process>", expected: "room for \(count) more open files",
    found: "a limit of \(limit.rlim_cur), and fewer left", remedy: "Raise the limit on open files: ulimit -n 1024.")
}

/// Whether so many descriptors can be opened.
private func free(_ count: Int) -> Bool {
  var opened: [Int32] = []
  defer { for descriptor in opened { close(descriptor) } }
  while opened.count < count {
    // Standard error is open: see above.
    let descriptor = fcntl(2, F_DUPFD_CLOEXEC, 3)
    guard descriptor >= 0 else { return false }
    opened.append(descriptor)
  }
  return true
}
