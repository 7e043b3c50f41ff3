// SPDX-License-Identifier: Apache-2.0
import CTorch
import Foundation

/// Short texts by key that several processes share: a client of c10d's TCPStore, and its server in one of them.
public final class ProcessStore {
  private let handle: ct_store

  /// Connects to the store at a place.
  ///
  /// - Parameters:
  ///   - serves: whether this process has it. Port 0 is then one that is free.
  ///   - limit: for how long to try.
  /// - Throws: `TorchError` in c10d's words.
  public init(host: String, port: Int, serves: Bool, limit: Duration) throws {
    var made: ct_store?
    guard ct_store_open(host, UInt16(clamping: port), serves, limit.milliseconds, &made) == 0, let made else {
      throw TorchError.last()
    }
    handle = made
  }

  deinit { ct_store_close(handle) }

  /// Port that it is served at.
  public var port: Int { Int(ct_store_port(handle)) }

  /// Sets a key.
  public func set(_ key: String, _ value: String) throws {
    let bytes = Array(value.utf8) + [0]  // an address even of nothing
    guard ct_store_set(handle, key, bytes, bytes.count - 1) == 0 else { throw TorchError.last() }
  }

  /// Whether a key is set.
  public func has(_ key: String) throws -> Bool {
    var found = false
    guard ct_store_has(handle, key, &found) == 0 else { throw TorchError.last() }
    return found
  }

  /// Value of a key, which is waited for.
  ///
  /// - Throws: `TorchError` if it is not set within the limit, or the store has gone.
  public func get(_ key: String, within limit: Duration) throws -> String {
    var bytes: UnsafeMutableRawPointer?, count = 0
    guard ct_store_get(handle, key, limit.milliseconds, &bytes, &count) == 0, let bytes else { throw TorchError.last() }
    defer { free(bytes) }
    return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  /// Adds to a key that counts, from 0, and returns what it comes to.
  @discardableResult public func add(_ key: String, _ amount: Int = 1) throws -> Int {
    var sum: Int64 = 0
    guard ct_store_add(handle, key, Int64(amount), &sum) == 0 else { throw TorchError.last() }
    return Int(sum)
  }

  /// Connects all processes of a run with each other.
  func connect(_ prefix: String, rank: Int, size: Int, joining: Duration, limit: Duration) throws -> ct_group {
    var made: ct_group?
    guard
      ct_group_make(
        handle, prefix, Int32(rank), Int32(size), joining.milliseconds, limit.milliseconds, &made) == 0, let made
    else { throw TorchError.last() }
    return made
  }
}

extension Duration {
  /// Whole ones, at least one.
  fileprivate var milliseconds: Int64 { max(1, Int64(self / .milliseconds(1))) }
}
