// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Torch

/// The version of dist2.
public let dist2Version = "0.1.0"

/// What `dist2 --version` says: version, the commit it was built from where that is known, the libtorch in use.
///
/// `make` writes the commit into a file beside the native library, so that a new one has nothing compiled anew.
public var versionLine: String {
  let commit = (try? fileBytes(Torch.libraryFolder + "/commit", limit: 100)).map {
    String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
  return "\(dist2Version) (commit \(commit ?? "unknown"), libtorch \(Torch.version.loaded))"
}
