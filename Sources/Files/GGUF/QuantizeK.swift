// SPDX-License-Identifier: Apache-2.0
/// Writes a block of 256 in Q4_K or Q5_K: x ≈ (d·scale)·q − (dmin·min), a scale and a minimum for each 32 elements.
///
/// Scales and minima are fitted to each part by weighted least squares, then brought to 6 bits against the largest of the
/// block, as in ggml; the elements are rounded once more with what became of them.
func quantizeWithMinima(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer, bits: Int) {
  let levels: Float = bits == 4 ? 15 : 31
  var scales = SIMD8<Float>(), minima = SIMD8<Float>()
  var largestScale: Float = 0, largestMinimum: Float = 0
  for part in 0..<8 {
    let fit = AffineFit(x + part * 32, count: 32, levels: levels)
    (scales[part], minima[part]) = (fit.scale, fit.minimum)
    largestScale = max(largestScale, fit.scale)
    largestMinimum = max(largestMinimum, fit.minimum)
  }
  storeHalf(largestScale / 63, block)
  storeHalf(largestMinimum / 63, block + 2)
  let (d, dmin) = (half(block), half(block + 2))
  let low = (block + (bits == 4 ? 16 : 48)).assumingMemoryBound(to: UInt8.self)
  let packed = (block + 4).assumingMemoryBound(to: UInt8.self)
  let high = (block + 16).assumingMemoryBound(to: UInt8.self)
  for i in 0..<12 { packed[i] = 0 }
  if bits == 5 { for i in 0..<32 { high[i] = 0 } }
  for part in 0..<8 {
    let scale = sixBits(scales[part], of: largestScale), minimum = sixBits(minima[part], of: largestMinimum)
    store(scale, minimum, ofPart: part, in: packed)
    let (factor, offset) = (d * Float(scale), dmin * Float(minimum))
    let bytes = low + part / 2 * 32, shift = UInt8(truncatingIfNeeded: part & 1) * 4
    for i in 0..<32 {
      let q = factor == 0 ? 0 : level((x[part * 32 + i] + offset) / factor, 0, levels)
      let byte = UInt8(truncatingIfNeeded: q)
      bytes[i] = shift == 0 ? byte & 15 : bytes[i] | (byte & 15) << 4
      if bits == 5 { high[i] |= (byte >> 4) << UInt8(truncatingIfNeeded: part) }
    }
  }
}

/// Writes a block of 256 in Q6_K: x ≈ (d·scale)·(q − 32), a scale of 8 bits for each 16 elements.
func quantizeQ6_K(_ x: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
  var fitted = SIMD16<Float>()
  var largest: Float = 0
  for part in 0..<16 {
    fitted[part] = symmetricScale(x + part * 16, count: 16, levels: 32)
    if abs(fitted[part]) > abs(largest) { largest = fitted[part] }
  }
  for i in 0..<192 { block.storeBytes(of: 0, toByteOffset: i, as: UInt8.self) }
  storeHalf(largest / -128, block + 208)
  let d = half(block + 208)
  let (low, high) = (block.assumingMemoryBound(to: UInt8.self), (block + 128).assumingMemoryBound(to: UInt8.self))
  let scales = (block + 192).assumingMemoryBound(to: Int8.self)
  for part in 0..<16 {
    let scale = largest == 0 ? 0 : level(fitted[part] * (-128 / largest), -128, 127)
    scales[part] = Int8(clamping: scale)
    let factor = d * Float(scale)
    for i in 0..<16 {
      let q = factor == 0 ? 0 : level(x[part * 16 + i] / factor, -32, 31)
      let bits = UInt8(truncatingIfNeeded: q + 32)
      // Element 32·part32 + j of a half of the block: see `Blocks256.q6_K`.
      let element = part * 16 + i
      let (side, quarter, j) = (element / 128, element % 128 / 32, element % 32)
      low[side * 64 + quarter % 2 * 32 + j] |= (bits & 15) << UInt8(truncatingIfNeeded: quarter / 2 * 4)
      high[side * 32 + j] |= (bits >> 4) << UInt8(truncatingIfNeeded: quarter * 2)
    }
  }
}

/// The nearest whole number within bounds, halves to even.
@inline(__always) private func level(_ value: Float, _ lowest: Float, _ highest: Float) -> Int {
  Int(min(highest, max(lowest, value.rounded(.toNearestOrEven))))  // bounded: just above
}

private func sixBits(_ value: Float, of largest: Float) -> Int {
  largest > 0 ? level(value * (63 / largest), 0, 63) : 0
}

/// Packs what `Blocks256.sixBits` unpacks.
private func store(_ scale: Int, _ minimum: Int, ofPart part: Int, in packed: UnsafeMutablePointer<UInt8>) {
  let (s, m) = (UInt8(truncatingIfNeeded: scale), UInt8(truncatingIfNeeded: minimum))
  if part < 4 {
    packed[part] |= s
    packed[part + 4] |= m
  } else {
    packed[part + 4] = s & 15 | (m & 15) << 4
    packed[part - 4] |= (s >> 4) << 6
    packed[part] |= (m >> 4) << 6
  }
}

/// Scale s and minimum m ≥ 0 for which s·q − m, with whole q of 0 … levels, is nearest to the elements: the sum of
/// w(x − s·q + m)² is least, w = rms(x) + |x|.
///
/// Given the q, s and m follow in closed form; q is tried for several first guesses of s around the range of the elements,
/// a tenth of a level apart.
private struct AffineFit {
  var scale: Float = 0
  var minimum: Float = 0

  init(_ x: UnsafePointer<Float>, count: Int, levels: Float) {
    var lowest = x[0], highest = x[0], squares: Float = 0
    for i in 0..<count {
      (lowest, highest) = (min(lowest, x[i]), max(highest, x[i]))
      squares += x[i] * x[i]
    }
    lowest = min(lowest, 0)  // a minimum is only ever subtracted
    guard highest > lowest else {
      minimum = -lowest
      return
    }
    let rms = (squares / Float(count)).squareRoot()
    (scale, minimum) = ((highest - lowest) / levels, -lowest)
    var best = error(x, count, levels, rms)
    for step in 0...20 {
      let guess = (levels - 1 + 0.1 * Float(step)) / (highest - lowest)
      guard let fit = Self.leastSquares(x, count, levels, rms, inverse: guess, lowest: lowest) else { continue }
      var candidate = self
      (candidate.scale, candidate.minimum) = fit
      let error = candidate.error(x, count, levels, rms)
      if error < best { (self, best) = (candidate, error) }
    }
  }

  /// s and m for the q that a guess of 1/s gives; nil where all q are equal.
  private static func leastSquares(
    _ x: UnsafePointer<Float>, _ count: Int, _ levels: Float, _ rms: Float, inverse: Float, lowest: Float
  ) -> (Float, Float)? {
    var (w, wq, wqq, wx, wqx): (Float, Float, Float, Float, Float) = (0, 0, 0, 0, 0)
    for i in 0..<count {
      let q = Float(level((x[i] - lowest) * inverse, 0, levels)), weight = rms + abs(x[i])
      w += weight
      wq += weight * q
      wqq += weight * q * q
      wx += weight * x[i]
      wqx += weight * q * x[i]
    }
    let determinant = w * wqq - wq * wq
    guard determinant > 0 else { return nil }
    let scale = (w * wqx - wq * wx) / determinant, minimum = (wq * wqx - wqq * wx) / determinant
    if minimum >= 0 { return scale > 0 ? (scale, minimum) : nil }
    // Without a minimum.
    return wqq > 0 && wqx > 0 ? (wqx / wqq, 0) : nil
  }

  /// The weighted squared error with elements rounded for this scale and minimum.
  private func error(_ x: UnsafePointer<Float>, _ count: Int, _ levels: Float, _ rms: Float) -> Float {
    var sum: Float = 0
    for i in 0..<count {
      let q = Float(level((x[i] + minimum) / scale, 0, levels))
      let difference = scale * q - minimum - x[i]
      sum += (rms + abs(x[i])) * difference * difference
    }
    return sum
  }
}

/// The scale s for which s·q, with whole q of −levels … levels − 1, is nearest to the elements: the sum of x²(x − s·q)² is
/// least. The element of the largest magnitude has the sign that reaches −levels.
private func symmetricScale(_ x: UnsafePointer<Float>, count: Int, levels: Float) -> Float {
  var largest: Float = 0
  for i in 0..<count where abs(x[i]) > abs(largest) { largest = x[i] }
  guard abs(largest) > 1e-15 else { return 0 }
  var (best, scale): (Float, Float) = (0, 0)
  for step in -9...9 {
    let inverse = -(levels + 0.1 * Float(step)) / largest
    var (product, square): (Float, Float) = (0, 0)
    for i in 0..<count {
      let q = Float(level(inverse * x[i], -levels, levels - 1)), weight = x[i] * x[i]
      product += weight * q * x[i]
      square += weight * q * q
    }
    // What of Σ x⁴ the best scale for these q explains.
    if square > 0, product * product > best * square { (best, scale) = (product * product / square, product / square) }
  }
  return scale
}
