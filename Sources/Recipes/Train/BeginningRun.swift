// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation

extension RunFolder {
  /// Takes hold of the folder until the lock is let go: a run that has begun but taken no step looks like one that failed,
  /// whose files another run would replace.
  ///
  /// - Throws: `InputError` if it cannot be made, or another run works in it.
  func hold() throws -> FileLock {
    try makeFolders(path)
    // Results may be kept elsewhere, with a link here.
    return try FileLock(folder: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
  }

  /// What is written before anything is trained.
  private var beginning: [String] { [runFile, data, numbers] }

  /// Whether all there is was written by a run that ended before its first step: for want of memory, or by what its model
  /// refuses. Nothing is lost with it.
  var hasNotBegun: Bool {
    let known = Set(beginning.map { URL(fileURLWithPath: $0).lastPathComponent })
    guard fileExists(data), let names = try? FileManager.default.contentsOfDirectory(atPath: path),
      names.allSatisfy({ known.contains($0) || $0.hasPrefix(".") }),
      let text = try? String(contentsOfFile: runFile, encoding: .utf8)
    else { return false }
    return text.hasPrefix(Self.firstLine)
  }

  /// Removes what such a run wrote, and the folder if it is empty then.
  ///
  /// - Parameter keepingFolder: whether the folder was there before.
  func forget(keepingFolder: Bool) {
    for file in beginning { unlink(file) }
    if !keepingFolder { rmdir(path) }
  }
}
