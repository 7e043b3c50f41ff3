import Foundation

/// A folder that is deleted with its owner.
public final class TemporaryFolder {
  /// Its path.
  public let path: String

  /// Makes it.
  public init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "dist2-test-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
