// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Synchronization
import Testing

@Suite struct ThreadsTests {
  @Test(arguments: [0, 1, 7, 1000]) func eachIndexOnce(_ count: Int) {
    let seen = Mutex([Int]())
    Threads.perform(count, threads: 4) { index in seen.withLock { $0.append(index) } }
    #expect(seen.withLock { $0.sorted() } == Array(0..<count))
  }

  @Test func severalThreadsWork() {
    // Each waits for the other: one alone would never end.
    let arrived = Atomic(0)
    Threads.perform(2, threads: 2) { _ in
      arrived.wrappingAdd(1, ordering: .sequentiallyConsistent)
      let end = Date(timeIntervalSinceNow: 20)
      while arrived.load(ordering: .sequentiallyConsistent) < 2, Date() < end { usleep(100) }
    }
    #expect(arrived.load(ordering: .sequentiallyConsistent) == 2)
  }

  /// Where the system has no thread to give the calling one does everything.
  @Test func withoutThreads() async {
    await #expect(processExitsWith: .exitCode(7)) {
      let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[0]
      let size = Int(pages)! * Int(sysconf(Int32(_SC_PAGESIZE))) + 1 << 26
      var limit = rlimit(rlim_cur: rlim_t(size), rlim_max: rlim_t(size))
      setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
      do {
        _ = try Threads.start(stack: 1 << 30) {}
        exit(1)
      } catch let error as InputError {
        guard error.description.contains("one more thread"), error.remedy.contains("ulimit -v") else { exit(2) }
      }
      let sum = Atomic(0)
      Threads.perform(100, threads: 64) { sum.wrappingAdd($0, ordering: .relaxed) }
      exit(sum.load(ordering: .relaxed) == 4950 ? 7 : 3)
    }
  }

  @Test func fewDescriptors() async {
    await #expect(processExitsWith: .exitCode(7)) {
      var limit = rlimit(rlim_cur: 20, rlim_max: 20)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      do {
        try requireDescriptors()
        exit(1)
      } catch let error as InputError {
        exit(error.found.contains("a limit of 20") && error.remedy.contains("ulimit -n") ? 7 : 2)
      }
    }
    await #expect(processExitsWith: .exitCode(7)) {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      limit.rlim_cur = 20
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      try requireDescriptors()
      exit(7)
    }
  }
}
