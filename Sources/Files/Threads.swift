// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// Threads of the operating system, started one by one: that one cannot be started is an error, or no loss.
///
/// In place of libdispatch's queues and Foundation's threads. Where memory (ulimit -v) or the number of threads
/// (ulimit -u) is limited, the former wait for ever for a thread that never comes, and the latter say nothing.
public enum Threads {
  /// Threads that can be waited for.
  package struct Handle: @unchecked Sendable {
    fileprivate let thread: pthread_t

    /// Waits until the thread has ended. To be called once.
    package func wait() { pthread_join(thread, nil) }
  }

  /// Starts a thread that can be waited for, and must be.
  ///
  /// - Parameter stack: bytes of its stack.
  /// - Throws: `InputError` if the system has no thread to give.
  package static func start(stack: Int = 8 << 20, _ body: @escaping @Sendable () -> Void) throws(InputError) -> Handle {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stack)
    let work = Unmanaged.passRetained(Work(body))
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let code = pthread_create(
      &thread, &attributes,
      { address in
        #if canImport(Darwin)
          let work = Unmanaged<Work>.fromOpaque(address)
        #else
          let work = Unmanaged<Work>.fromOpaque(address!)
        #endif
        work.takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    guard code == 0 else {
      work.release()
      throw InputError(
        path: "<process>", expected: "one more thread", found: String(cString: strerror(code)).lowercased(),
        remedy: "Raise the limits on memory (ulimit -v) and on threads (ulimit -u).")
    }
    #if canImport(Darwin)
      return Handle(thread: thread!)
    #else
      return Handle(thread: thread)
    #endif
  }

  /// Starts a thread that nobody waits for.
  ///
  /// - Throws: `InputError` if the system has no thread to give.
  package static func detach(stack: Int = 8 << 20, _ body: @escaping @Sendable () -> Void) throws(InputError) {
    pthread_detach(try start(stack: stack, body).thread)
  }

  /// Calls `body` for 0 ..< count, each once, on several threads, and returns when all is done.
  ///
  /// The calling thread is one of them: where no other can be started it does everything.
  ///
  /// - Parameter threads: how many; nil: one for each core.
  package static func perform(_ count: Int, threads: Int? = nil, _ body: @Sendable (Int) -> Void) {
    let next = Atomic(0)
    withoutActuallyEscaping(body) { body in
      @Sendable func work() {
        while true {
          let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard index < count else { return }
          body(index)
        }
      }
      let others = (1..<max(1, min(count, threads ?? cores))).map { _ in try? start(work) }
      work()
      for other in others { other?.wait() }
    }
  }

  /// Processors that this process may use.
  private static let cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
