// SPDX-License-Identifier: Apache-2.0
// Arithmetic, comparisons, reductions. One line per operator: its name here is torch's.

enum Math {
  static let add = Op("aten::add", "Tensor"), addScalar = Op("aten::add", "Scalar")
  static let sub = Op("aten::sub", "Tensor"), subScalar = Op("aten::sub", "Scalar"), rsub = Op("aten::rsub", "Scalar")
  static let mul = Op("aten::mul", "Tensor"), mulScalar = Op("aten::mul", "Scalar")
  static let div = Op("aten::div", "Tensor"), divScalar = Op("aten::div", "Scalar")
  static let neg = Op("aten::neg"), abs = Op("aten::abs"), exp = Op("aten::exp"), log = Op("aten::log")
  static let sqrt = Op("aten::sqrt"), rsqrt = Op("aten::rsqrt"), reciprocal = Op("aten::reciprocal")
  static let sin = Op("aten::sin"), cos = Op("aten::cos"), square = Op("aten::square")
  static let pow = Op("aten::pow", "Tensor_Scalar"), powBase = Op("aten::pow", "Scalar"), clamp = Op("aten::clamp"),
    sign = Op("aten::sign")
  static let maximum = Op("aten::maximum"), minimum = Op("aten::minimum")
  static let log1p = Op("aten::log1p"), expm1 = Op("aten::expm1"), floor = Op("aten::floor"), round = Op("aten::round")
  static let sum = Op("aten::sum"), sumDim = Op("aten::sum", "dim_IntList")
  static let mean = Op("aten::mean"), meanDim = Op("aten::mean", "dim")
  static let max = Op("aten::max"), min = Op("aten::min"), amax = Op("aten::amax"), amin = Op("aten::amin")
  static let argmax = Op("aten::argmax"), argmin = Op("aten::argmin"), cumsum = Op("aten::cumsum")
  static let norm = Op("aten::linalg_vector_norm"), logsumexp = Op("aten::logsumexp")
  static let topk = Op("aten::topk"), sort = Op("aten::sort")
  static let matmul = Op("aten::matmul"), mm = Op("aten::mm"), bmm = Op("aten::bmm")
  static let addmm = Op("aten::addmm"), addmmInPlace = Op("aten::addmm_")
  static let cdist = Op("aten::cdist")
  static let eq = Op("aten::eq", "Tensor"), eqScalar = Op("aten::eq", "Scalar")
  static let ne = Op("aten::ne", "Tensor"), neScalar = Op("aten::ne", "Scalar")
  static let gt = Op("aten::gt", "Tensor"), gtScalar = Op("aten::gt", "Scalar")
  static let ge = Op("aten::ge", "Tensor"), geScalar = Op("aten::ge", "Scalar")
  static let lt = Op("aten::lt", "Tensor"), ltScalar = Op("aten::lt", "Scalar")
  static let le = Op("aten::le", "Tensor"), leScalar = Op("aten::le", "Scalar")
  static let not = Op("aten::logical_not"), and = Op("aten::logical_and"), or = Op("aten::logical_or")
  static let isnan = Op("aten::isnan"), isfinite = Op("aten::isfinite"), all = Op("aten::all"), any = Op("aten::any")
  static let addInPlace = Op("aten::add_", "Tensor"), mulInPlace = Op("aten::mul_", "Tensor")
  static let mulScalarInPlace = Op("aten::mul_", "Scalar"), addScalarInPlace = Op("aten::add_", "Scalar")
  static let zeroInPlace = Op("aten::zero_"), fillInPlace = Op("aten::fill_", "Scalar")
  static let normalInPlace = Op("aten::normal_"), uniformInPlace = Op("aten::uniform_")
  static let equal = Op("aten::equal"), allclose = Op("aten::allclose")
}

/// Elementwise arithmetic with torch's broadcasting and type promotion.
extension Tensor {
  /// Elementwise sum; shapes broadcast.
  public static func + (a: Tensor, b: Tensor) -> Tensor { Math.add(a, b) }
  /// Adds a number to every element.
  public static func + (a: Tensor, b: Double) -> Tensor { Math.addScalar(a, b) }
  /// Adds a number to every element.
  public static func + (a: Double, b: Tensor) -> Tensor { Math.addScalar(b, a) }
  /// Elementwise difference; shapes broadcast.
  public static func - (a: Tensor, b: Tensor) -> Tensor { Math.sub(a, b) }
  /// Subtracts a number from every element.
  public static func - (a: Tensor, b: Double) -> Tensor { Math.subScalar(a, b) }
  /// Subtracts every element from a number.
  public static func - (a: Double, b: Tensor) -> Tensor { Math.rsub(b, a) }
  /// Elementwise product; shapes broadcast.
  public static func * (a: Tensor, b: Tensor) -> Tensor { Math.mul(a, b) }
  /// Multiplies every element by a number.
  public static func * (a: Tensor, b: Double) -> Tensor { Math.mulScalar(a, b) }
  /// Multiplies every element by a number.
  public static func * (a: Double, b: Tensor) -> Tensor { Math.mulScalar(b, a) }
  /// Elementwise quotient; shapes broadcast.
  public static func / (a: Tensor, b: Tensor) -> Tensor { Math.div(a, b) }
  /// Divides every element by a number.
  public static func / (a: Tensor, b: Double) -> Tensor { Math.divScalar(a, b) }
  /// Every element with the other sign.
  public static prefix func - (a: Tensor) -> Tensor { Math.neg(a) }

  /// Absolute values.
  public func abs() -> Tensor { Math.abs(self) }
  /// eˣ of every element.
  public func exp() -> Tensor { Math.exp(self) }
  /// eˣ − 1, accurate near 0.
  public func expm1() -> Tensor { Math.expm1(self) }
  /// Natural logarithms.
  public func log() -> Tensor { Math.log(self) }
  /// ln(1 + x), accurate near 0.
  public func log1p() -> Tensor { Math.log1p(self) }
  /// Square roots.
  public func sqrt() -> Tensor { Math.sqrt(self) }
  /// 1 / √x of every element.
  public func rsqrt() -> Tensor { Math.rsqrt(self) }
  /// 1 / x of every element.
  public func reciprocal() -> Tensor { Math.reciprocal(self) }
  /// x² of every element.
  public func square() -> Tensor { Math.square(self) }
  /// Sines of angles in radians.
  public func sin() -> Tensor { Math.sin(self) }
  /// Cosines of angles in radians.
  public func cos() -> Tensor { Math.cos(self) }
  /// −1, 0 or 1, as the element is below, at or above 0.
  public func sign() -> Tensor { Math.sign(self) }
  /// The whole numbers at or below.
  public func floor() -> Tensor { Math.floor(self) }
  /// The nearest whole numbers; halves go to the even one.
  public func round() -> Tensor { Math.round(self) }
  /// Every element to this power.
  public func pow(_ exponent: Double) -> Tensor { Math.pow(self, exponent) }
  /// baseˣ with this tensor as the exponents.
  public func power(ofBase base: Double) -> Tensor { Math.powBase(base, self) }
  /// Limits values to `low ... high`; nil leaves that side open.
  public func clamp(_ low: Double?, _ high: Double?) -> Tensor { Math.clamp(self, low, high) }
  /// The larger of two elements; shapes broadcast.
  public func maximum(_ other: Tensor) -> Tensor { Math.maximum(self, other) }
  /// The smaller of two elements; shapes broadcast.
  public func minimum(_ other: Tensor) -> Tensor { Math.minimum(self, other) }
}

/// Reductions. Without a dimension they reduce everything to a scalar.
extension Tensor {
  /// Sum of all elements.
  public func sum() -> Tensor { Math.sum(self) }
  /// Sums along these dimensions; they stay with size 1 if `keepDim`.
  public func sum(_ dimensions: Int..., keepDim: Bool = false) -> Tensor { Math.sumDim(self, dimensions, keepDim) }
  /// Mean of all elements.
  public func mean() -> Tensor { Math.mean(self) }
  /// Means along these dimensions; they stay with size 1 if `keepDim`.
  public func mean(_ dimensions: Int..., keepDim: Bool = false) -> Tensor { Math.meanDim(self, dimensions, keepDim) }
  /// The largest element.
  public func max() -> Tensor { Math.max(self) }
  /// The smallest element.
  public func min() -> Tensor { Math.min(self) }
  /// The largest elements along a dimension.
  public func max(_ dimension: Int, keepDim: Bool = false) -> Tensor { Math.amax(self, [dimension], keepDim) }
  /// The smallest elements along a dimension.
  public func min(_ dimension: Int, keepDim: Bool = false) -> Tensor { Math.amin(self, [dimension], keepDim) }
  /// int64 indices of the largest elements along a dimension.
  public func argmax(_ dimension: Int, keepDim: Bool = false) -> Tensor { Math.argmax(self, dimension, keepDim) }
  /// int64 indices of the smallest elements along a dimension.
  public func argmin(_ dimension: Int, keepDim: Bool = false) -> Tensor { Math.argmin(self, dimension, keepDim) }
  /// Running sums along a dimension.
  public func cumsum(_ dimension: Int) -> Tensor { Math.cumsum(self, dimension) }
  /// ln Σ eˣ along a dimension, without overflow.
  public func logSumExp(_ dimension: Int, keepDim: Bool = false) -> Tensor {
    Math.logsumexp(self, [dimension], keepDim)
  }
  /// Euclidean norm of all elements.
  public func norm() -> Tensor { Math.norm(self, 2) }
  /// Euclidean norm along a dimension.
  public func norm(_ dimension: Int, keepDim: Bool = false) -> Tensor { Math.norm(self, 2, [dimension], keepDim) }
  /// The `k` largest values along the last dimension and their indices, sorted.
  public func topK(_ k: Int) -> (values: Tensor, indices: Tensor) {
    let both = Math.topk.many(2, self, k, -1, true, true)
    return (both[0], both[1])
  }
  /// Values sorted along a dimension and where they came from.
  public func sort(_ dimension: Int = -1, descending: Bool = false) -> (values: Tensor, indices: Tensor) {
    let both = Math.sort.many(2, self, dimension, descending)
    return (both[0], both[1])
  }
}

/// Products of matrices.
extension Tensor {
  /// Product over the last dimensions `[…, n, k]` and `[…, k, m]`; those before them broadcast.
  public func matmul(_ other: Tensor) -> Tensor { Math.matmul(self, other) }
  /// Product of `[n, k]` and `[k, m]`.
  public func mm(_ other: Tensor) -> Tensor { Math.mm(self, other) }
  /// Products of `[B, n, k]` and `[B, k, m]`.
  public func bmm(_ other: Tensor) -> Tensor { Math.bmm(self, other) }
  /// self + scale · a b with self `[n, m]`, a `[n, k]`, b `[k, m]`, in one product that begins from self.
  public func addmm(_ a: Tensor, _ b: Tensor, scale: Double = 1) -> Tensor { Math.addmm(self, a, b, 1.0, scale) }
  /// Adds a b to self `[n, m]`, with a `[n, k]`, b `[k, m]`, in one product.
  public func addmm_(_ a: Tensor, _ b: Tensor) { Math.addmmInPlace.run(self, a, b) }
  /// Euclidean distances `[n, m]` between rows `[n, D]` and `[m, D]`, from differences (mode 2), so that equal rows
  /// are exactly 0 apart.
  public func cdist(_ other: Tensor) -> Tensor { Math.cdist(self, other, 2.0, 2) }
}

/// Comparisons give bool tensors.
extension Tensor {
  /// Where elements are equal; shapes broadcast.
  public func equals(_ other: Tensor) -> Tensor { Math.eq(self, other) }
  /// Where elements equal a number.
  public func equals(_ value: Double) -> Tensor { Math.eqScalar(self, value) }
  /// Where elements differ; shapes broadcast.
  public func notEquals(_ other: Tensor) -> Tensor { Math.ne(self, other) }
  /// Where elements differ from a number.
  public func notEquals(_ value: Double) -> Tensor { Math.neScalar(self, value) }
  /// Where a is larger; shapes broadcast.
  public static func .> (a: Tensor, b: Tensor) -> Tensor { Math.gt(a, b) }
  /// Where elements are larger than a number.
  public static func .> (a: Tensor, b: Double) -> Tensor { Math.gtScalar(a, b) }
  /// Where a is larger or equal; shapes broadcast.
  public static func .>= (a: Tensor, b: Tensor) -> Tensor { Math.ge(a, b) }
  /// Where elements are a number or larger.
  public static func .>= (a: Tensor, b: Double) -> Tensor { Math.geScalar(a, b) }
  /// Where a is smaller; shapes broadcast.
  public static func .< (a: Tensor, b: Tensor) -> Tensor { Math.lt(a, b) }
  /// Where elements are smaller than a number.
  public static func .< (a: Tensor, b: Double) -> Tensor { Math.ltScalar(a, b) }
  /// Where a is smaller or equal; shapes broadcast.
  public static func .<= (a: Tensor, b: Tensor) -> Tensor { Math.le(a, b) }
  /// Where elements are a number or smaller.
  public static func .<= (a: Tensor, b: Double) -> Tensor { Math.leScalar(a, b) }
  /// Where elements are false, or 0.
  public func logicalNot() -> Tensor { Math.not(self) }
  /// Where both are true; shapes broadcast.
  public func logicalAnd(_ other: Tensor) -> Tensor { Math.and(self, other) }
  /// Where one is true at least; shapes broadcast.
  public func logicalOr(_ other: Tensor) -> Tensor { Math.or(self, other) }
  /// Where elements are not a number.
  public func isNaN() -> Tensor { Math.isnan(self) }
  /// Where elements are neither infinite nor NaN.
  public func isFinite() -> Tensor { Math.isfinite(self) }
  /// Whether all elements are true: a bool scalar.
  public func all() -> Tensor { Math.all(self) }
  /// Whether any element is true: a bool scalar.
  public func any() -> Tensor { Math.any(self) }
  /// Same shape and the same values, bit for bit apart from the sign of zero.
  public func isEqual(to other: Tensor) -> Bool { Math.equal.bool(self, other) }
  /// |a − b| ≤ absolute + relative·|b| everywhere.
  public func isClose(to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-8) -> Bool {
    Math.allclose.bool(self, other, relative, absolute)
  }
}

infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence

/// In-place operations: for optimizers, caches and initialisers.
extension Tensor {
  /// Adds `alpha` times another tensor.
  public func add_(_ other: Tensor, alpha: Double = 1) { Math.addInPlace.run(self, other, alpha) }
  /// Adds a number to every element.
  public func add_(_ value: Double) { Math.addScalarInPlace.run(self, value) }
  /// Multiplies elementwise.
  public func mul_(_ other: Tensor) { Math.mulInPlace.run(self, other) }
  /// Multiplies every element by a number.
  public func mul_(_ value: Double) { Math.mulScalarInPlace.run(self, value) }
  /// Sets every element to 0.
  public func zero_() { Math.zeroInPlace.run(self) }
  /// Sets every element to a number.
  public func fill_(_ value: Double) { Math.fillInPlace.run(self, value) }
  /// Fills with samples of a normal distribution and returns the tensor.
  @discardableResult
  public func normal_(mean: Double = 0, std: Double = 1, generator: Generator? = nil) -> Tensor {
    Math.normalInPlace.run(self, mean, std, generator)
    return self
  }
  /// Fills with uniform samples of `[low, high)` and returns the tensor.
  @discardableResult
  public func uniform_(_ low: Double = 0, _ high: Double = 1, generator: Generator? = nil) -> Tensor {
    Math.uniformInPlace.run(self, low, high, generator)
    return self
  }
}
