// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation

/// Fashion-MNIST (Xiao et al. 2017): 60,000 photographs of clothes for training and 10,000 for tests, gray, 28 x 28,
/// ten classes.
///
/// Debian's package `dataset-fashion-mnist` brings it.
public struct FashionMNIST: Sendable {
  /// A part of it.
  public struct Part: Sendable {
    /// The photographs `[N, 28, 28]`, row by row.
    public let images: [UInt8]
    /// The class of each, 0 ..< 10.
    public let labels: [UInt8]
    /// Memberwise.
    public init(images: [UInt8], labels: [UInt8]) {
      precondition(images.count == labels.count * FashionMNIST.pixels, "\(images.count) bytes, \(labels.count) labels")
      (self.images, self.labels) = (images, labels)
    }

    /// How many.
    public var count: Int { labels.count }

    /// The first of them.
    public func prefix(_ most: Int) -> Part {
      let kept = min(most, count)
      return Part(images: Array(images[..<(kept * FashionMNIST.pixels)]), labels: Array(labels[..<kept]))
    }
  }

  /// Where the package puts the files.
  public static let defaultFolder = "/usr/share/datasets/fashion-mnist"
  /// Rows of a photograph, and pixels of a row.
  public static let side = 28
  static let pixels = side * side
  /// The classes, in order.
  public static let classNames = [
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
  ]

  /// For training.
  public let train: Part
  /// For tests.
  public let test: Part

  /// Reads all four files.
  ///
  /// - Throws: `InputError` if one is absent or damaged, or images and labels do not fit.
  public init(folder: String = Self.defaultFolder) throws(InputError) {
    train = try Self.part("train", of: folder)
    test = try Self.testPart(folder: folder)
  }

  /// Reads the two files for tests alone.
  ///
  /// - Throws: `InputError` if one is absent or damaged, or images and labels do not fit.
  public static func testPart(folder: String = Self.defaultFolder) throws(InputError) -> Part {
    try part("t10k", of: folder)
  }

  /// Images of the same size that a program has at hand.
  public init(train: Part, test: Part) { (self.train, self.test) = (train, test) }

  /// The first images of each part.
  public func prefix(_ train: Int, tests: Int) -> FashionMNIST {
    FashionMNIST(train: self.train.prefix(train), test: test.prefix(tests))
  }

  private static func part(_ name: String, of folder: String) throws(InputError) -> Part {
    guard fileExists(folder) else {
      throw InputError(
        path: folder, expected: "Fashion-MNIST", found: "no such folder",
        remedy: "Install it: sudo apt-get install dataset-fashion-mnist")
    }
    let prefix = "\(folder)/\(name)"
    func file(_ name: String) throws(InputError) -> IDXFile {
      let plain = "\(prefix)-\(name)-ubyte"
      return try IDXFile(fileExists(plain) ? plain : plain + ".gz")
    }
    let (images, labels) = (try file("images-idx3"), try file("labels-idx1"))
    guard images.shape.count == 3, Array(images.shape[1...]) == [side, side], labels.shape == [images.shape[0]] else {
      throw InputError(
        path: images.path, expected: "N images of 28 x 28 and N labels", found: "\(images.shape) and \(labels.shape)")
    }
    guard let most = labels.bytes.max(), most < classNames.count else {
      throw InputError(path: labels.path, expected: "classes 0 ... 9", found: "others, or no labels")
    }
    return Part(images: images.bytes, labels: labels.bytes)
  }
}
