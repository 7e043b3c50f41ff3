// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Recipes
import Synchronization
import Testing

@Suite struct RunStoreTests {
  private struct Settings: Codable, Equatable { var size = 1 }

  @Test func finishedRunsAreKeptAndOtherSettingsAreRefused() throws {
    try withFolder { folder in
      let store = try RunStore<Settings, [Double]>(folder: folder, settings: Settings())
      #expect(!store.isFinished("a"))
      try store.keep([1, 2], of: "a")
      let again = try RunStore<Settings, [Double]>(folder: folder, settings: Settings())
      #expect(try again.result(of: "a") == [1, 2])
      #expect(try again.result(of: "b") == nil)
      let error = #expect(throws: InputError.self) {
        try RunStore<Settings, [Double]>(folder: folder, settings: Settings(size: 2))
      }
      #expect(error?.found == "other settings: size: 1, now 2")
    }
  }

  @Test func aDamagedRunIsNamed() throws {
    try withFolder { folder in
      let store = try RunStore<Settings, [Double]>(folder: folder, settings: Settings())
      try Data("{".utf8).write(to: URL(fileURLWithPath: store.path(of: "a")))
      let error = #expect(throws: InputError.self) { try store.result(of: "a") }
      #expect(error?.path == store.path(of: "a"))
    }
  }

  /// An earlier version's settings: its runs must not become this one's by deleting one file.
  @Test func unreadableSettingsAreOfAnotherExperiment() throws {
    try withFolder { folder in
      _ = try RunStore<Settings, [Double]>(folder: folder, settings: Settings())
      try AtomicFile.write("{\"width\": 1}".utf8, to: folder + "/settings.json")
      let error = #expect(throws: InputError.self) {
        try RunStore<Settings, [Double]>(folder: folder, settings: Settings())
      }
      #expect(error?.remedy == "Choose another --output, or delete the folder.")
    }
  }

  @Test func workersReportAndFailByName() throws {
    let seen = Mutex<[String: Int]>([:])
    let line = #"{"phase":"training","completed":3,"total":4}"#
    let pool = WorkerPool(jobs: 2) {
      ["/bin/sh", "-c", "echo '\(line)'; echo noise; test \($0) != bad || { echo why >&2; exit 3; }"]
    }
    try pool.run(["a", "b", "c"]) { run, message in seen.withLock { $0[run] = message.completed } }
    #expect(seen.withLock { $0 } == ["a": 3, "b": 3, "c": 3])
    let error = #expect(throws: WorkerFailure.self) { try pool.run(["bad"]) { _, _ in } }
    #expect(error?.runName == "bad")
    #expect(error?.message == "why")
    let silent = WorkerPool(jobs: 1) { _ in ["/bin/sh", "-c", "kill -9 $$"] }
    let killed = #expect(throws: WorkerFailure.self) { try silent.run(["k"]) { _, _ in } }
    #expect(killed?.message == "the worker ended with signal 9")
    let absent = WorkerPool(jobs: 1) { _ in ["/nowhere/dist2"] }
    #expect(throws: WorkerFailure.self) { try absent.run(["k"]) { _, _ in } }
  }

  /// Two processes would train the same runs in the same folders.
  @Test func aFolderRunsItsRunsOnce() throws {
    let folder = NSTemporaryDirectory() + "dist2-cells-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let store = try RunStore<Settings, [Double]>(folder: folder, settings: Settings())
    let lock = try FileLock(folder: folder + "/cells"),
      worker: @Sendable ([String]) -> [String] = { _ in ["/bin/true"] }
    let error = #expect(throws: InputError.self) { try store.run([["a"]], title: "", jobs: 1, worker: worker) }
    #expect(error?.found == "that another process is writing it")
    lock.unlock()
    try store.run([["a"]], title: "", jobs: 1, worker: worker)
  }

  /// Lines of any length and number, on both streams at once.
  @Test func muchIsSaid() throws {
    let seen = Mutex(0), line = #"{"phase":"p","completed":1,"total":4}"#
    let pool = WorkerPool(jobs: 1) { _ in
      [
        "/bin/sh", "-c",
        "i=0; while [ $i -lt 3000 ]; do echo '\(line)'; echo \(String(repeating: "e", count: 99)) >&2; i=$((i+1)); done",
      ]
    }
    try pool.run(["a"]) { _, message in seen.withLock { $0 += message.completed } }
    #expect(seen.withLock { $0 } == 3000)
  }

  /// Its standard input ends with the process that started it, whatever ended that.
  @Test func aWorkerSeesTheEndOfItsParent() async throws {
    let mark = NSTemporaryDirectory() + "dist2-ended-\(UUID().uuidString)"
    defer { unlink(mark) }
    await #expect(processExitsWith: .signal(SIGKILL)) { [mark = mark as String] in
      Thread.detachNewThread {
        usleep(300_000)
        kill(getpid(), SIGKILL)
      }
      let pool = WorkerPool(jobs: 1) { _ in ["/bin/sh", "-c", "read line; echo > '\(mark)'"] }
      try pool.run(["a"]) { _, _ in }
    }
    for _ in 0..<100 where !fileExists(mark) { usleep(100_000) }
    #expect(fileExists(mark))
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "dist2-cells-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }
}
