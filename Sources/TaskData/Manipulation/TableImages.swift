// SPDX-License-Identifier: Apache-2.0
import Recipes
import Files
import Foundation
public import Tabletop
public import TokenData

extension TableScene {
  /// The table as the front camera shows it.
  public var image: PixelImage {
    PixelImage(width: FrontView.width, height: FrontView.height, channels: 3, bytes: pixels)
  }
}

/// Images of tables as files of a folder, each written once.
package struct TableImages {
  /// The folder, which appears with the first image.
  let folder: String
  private var written = Set<String>()

  package init(folder: String) { self.folder = folder }

  /// Writes a table's image unless it is there already.
  ///
  /// - Parameter name: what it is of, `train/rotate/12_0`: the file's name with dashes.
  /// - Returns: the file's name, `train-rotate-12_0.png`.
  /// - Throws: `InputError` if it cannot be written.
  mutating func write(_ scene: @autoclosure () -> TableScene, of name: String) throws -> String {
    let file = name.replacing("/", with: "-") + ".png"
    guard written.insert(file).inserted else { return file }
    if written.count == 1 { try makeFolders(folder) }
    try scene().image.writePNG(to: "\(folder)/\(file)", isSynced: false)
    return file
  }
}
