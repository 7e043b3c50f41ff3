// SPDX-License-Identifier: Apache-2.0
extension PixelImage {
  /// The image in colour with a box's outline on it.
  ///
  /// - Parameters:
  ///   - left: with `top`, `right` and `bottom` the box in pixels; what is outside the image is not drawn.
  ///   - thickness: pixels of the line, inwards.
  public func outlined(
    left: Int, top: Int, right: Int, bottom: Int, colour: (red: UInt8, green: UInt8, blue: UInt8), thickness: Int = 2
  ) -> PixelImage {
    var bytes = converted(channels: 3).bytes
    for row in max(0, top)..<max(0, top, min(height, bottom)) {
      let isEdge = row < top + thickness || row >= bottom - thickness
      for column in max(0, left)..<max(0, left, min(width, right))
      where isEdge || column < left + thickness || column >= right - thickness {
        let start = 3 * (row * width + column)
        (bytes[start], bytes[start + 1], bytes[start + 2]) = (colour.red, colour.green, colour.blue)
      }
    }
    return PixelImage(width: width, height: height, channels: 3, bytes: bytes)
  }
}
