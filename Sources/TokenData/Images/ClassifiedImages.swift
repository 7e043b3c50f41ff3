// SPDX-License-Identifier: Apache-2.0
public import Files

/// Images with a class each: a folder with one folder a class, as ImageNet is kept, or an IDX file of the MNIST family
/// with its labels beside it (`train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte.gz`).
///
/// Classes of folders are numbered in order of the folders' names, as torchvision's `ImageFolder` does.
public struct ClassifiedImages: Sendable {
  private enum Content: Sendable {
    case files([String])
    case bytes(IDXFile)
  }
  /// Folder or file.
  public let path: String
  /// The class of each image.
  public let classes: [Int]
  private let content: Content

  /// Finds out which images there are.
  ///
  /// - Throws: `InputError` if there is none, or images and labels do not fit.
  public init(_ path: String) throws(InputError) {
    self.path = path
    var files = [String](), classes = [Int]()
    guard let names = try? Files.names(inFolder: path) else {
      let images = try IDXFile(path), labels = try IDXFile(Self.labels(of: path))
      guard images.shape.count == 3, labels.shape == [images.shape[0]] else {
        throw InputError(
          path: path, expected: "images [N, H, W] and labels [N]", found: "\(images.shape) and \(labels.shape)")
      }
      try PixelImage.check(
        width: images.shape[2], height: images.shape[1], path: path, pixelLimit: PixelImage.pixelLimit)
      (content, self.classes) = (.bytes(images), labels.bytes.map(Int.init))
      return
    }
    let folders = names.filter { (try? Files.names(inFolder: "\(path)/\($0)")) != nil }
    for (index, name) in folders.enumerated() {
      let own = try ImageReader.images(in: "\(path)/\(name)", depth: 1)
      files += own
      classes += own.map { _ in index }
    }
    guard !files.isEmpty else {
      throw InputError(
        path: path, expected: "a folder with a folder of PNG or JPEG files for each class",
        found: folders.isEmpty ? "no folders in it" : "\(folders.count) folders without images")
    }
    (content, self.classes) = (.files(files), classes)
  }

  /// How many there are.
  public var count: Int { classes.count }

  /// An image with 1 or 3 channels.
  ///
  /// - Throws: `InputError` naming the file: damaged, or too large.
  public func image(_ index: Int, channels: Int) throws(InputError) -> PixelImage {
    switch content {
    case .files(let files): return try PixelImage(file: files[index]).converted(channels: channels)
    case .bytes(let file):
      let size = file.shape[1] * file.shape[2]
      return PixelImage(
        width: file.shape[2], height: file.shape[1], channels: 1,
        bytes: Array(file.bytes[index * size..<(index + 1) * size])
      ).converted(channels: channels)
    }
  }

  private static func labels(of path: String) throws(InputError) -> String {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let name = String(path[slash...])
    let own = path[..<slash] + name.replacing("images", with: "labels").replacing("idx3", with: "idx1")
    guard own != path, fileExists(String(own)) else {
      throw InputError(
        path: path, expected: "a folder of images, or an IDX file with its labels beside it",
        found: fileExists(path) ? "no file of labels" : "no such file",
        remedy: "For …-images-idx3-ubyte.gz the labels are …-labels-idx1-ubyte.gz.")
    }
    return String(own)
  }
}
