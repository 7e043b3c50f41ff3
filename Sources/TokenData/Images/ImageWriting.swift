// SPDX-License-Identifier: Apache-2.0
public import Files

extension NumPySource {
  /// Images as the array `arr_0` `[N, H, W, C]`, uint8, which the evaluator of ADM reads, batch by batch.
  ///
  /// - Parameters:
  ///   - count: how many images N there are in all.
  ///   - next: gives the next ones, all of one size.
  public static func images(
    count: Int, height: Int, width: Int, channels: Int, next: @escaping () throws -> ImageBatch
  ) -> NumPySource {
    NumPySource(type: .u8, shape: [count, height, width, channels]) { sink in
      var done = 0
      while done < count {
        let batch = try next()
        precondition(
          batch.height == height && batch.width == width && batch.channels == channels && batch.count > 0,
          "images of unlike size")
        try batch.bytes.withUnsafeBytes(sink)
        done += batch.count
      }
    }
  }
}

/// A folder of `000000.png`, `000001.png`, …, as torch-fidelity reads and writes samples.
///
///     try AtomicFolder.write(to: "samples") { folder in
///       let writer = NumberedPictures(folder)
///       for batch in batches { try writer.add(batch) }
///     }
public final class NumberedImages {
  private let folder: String
  /// How many have been written.
  public private(set) var count = 0

  /// Writes into this folder, which must be there.
  public init(_ folder: String) { self.folder = folder }

  /// Writes the next images.
  ///
  /// - Throws: `InputError` if a file cannot be written.
  public func add(_ batch: ImageBatch) throws {
    for image in batch.images {
      try image.writePNG(to: folder + "/" + Self.name(count), isSynced: false)
      count += 1
    }
  }

  /// `000012.png`; a millionth image takes a digit more.
  public static func name(_ index: Int) -> String {
    let digits = String(index)
    return String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".png"
  }
}
