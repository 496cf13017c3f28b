/* simd.h - vectors of floats and doubles under one set of names.
 *
 * Included by kernels that are compiled once for each instruction set, with
 * the flags of that set; all functions are static, so nothing leaks into the
 * code of another.  Loads and stores need no alignment.
 */
#ifndef MODEL_SIMD_H
#define MODEL_SIMD_H

#include <stdint.h>

#define SIMD static inline __attribute__((always_inline))

/* In front of a short loop over registers, which must not stay a loop. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#if defined(__AVX512F__)
#include <immintrin.h>

enum { VF = 16, VD = 8 };
typedef __m512 vf;
typedef __m512d vd;
typedef __m512i vi; /* VD words of 64 bits */
typedef __m512i vu; /* VF words of 32 bits */
#define SIMD_NAME(x) x##_avx512

SIMD vf vf_set1(float x)
{
    return _mm512_set1_ps(x);
}
SIMD vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
SIMD void vf_store(float *p, vf x)
{
    _mm512_storeu_ps(p, x);
}
SIMD vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
SIMD vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}
SIMD vf vf_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}
SIMD float vf_hmax(vf a)
{
    return _mm512_reduce_max_ps(a);
}
SIMD unsigned vf_not_below(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
}
/* a where x > 0, else b */
SIMD vf vf_positive(vf x, vf a, vf b)
{
    return _mm512_mask_blend_ps(
        _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ), b, a);
}

SIMD vd vd_set1(double x)
{
    return _mm512_set1_pd(x);
}
SIMD vd vd_load(const double *p)
{
    return _mm512_loadu_pd(p);
}
SIMD void vd_store(double *p, vd x)
{
    _mm512_storeu_pd(p, x);
}
SIMD vd vd_fma(vd a, vd b, vd c)
{
    return _mm512_fmadd_pd(a, b, c);
}
/* [b] where one is NaN, on x86 */
SIMD vd vd_max(vd a, vd b)
{
    return _mm512_max_pd(a, b);
}
SIMD vd vd_abs(vd a)
{
    return _mm512_abs_pd(a);
}
SIMD unsigned vd_above(vd a, vd b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ);
}
SIMD double vd_sum(vd a)
{
    return _mm512_reduce_add_pd(a);
}
SIMD vi vd_bits(vd a)
{
    return _mm512_castpd_si512(a);
}
SIMD vi vi_load(const int64_t *p)
{
    return _mm512_loadu_si512(p);
}
SIMD void vi_store(int64_t *p, vi x)
{
    _mm512_storeu_si512(p, x);
}
SIMD vi vi_add(vi a, vi b)
{
    return _mm512_add_epi64(a, b);
}
SIMD vi vi_set1(int64_t x)
{
    return _mm512_set1_epi64(x);
}
SIMD void vd_narrow(float *to, vd a)
{
    _mm256_storeu_ps(to, _mm512_cvtpd_ps(a));
}

SIMD vu vu_set1(uint32_t x)
{
    return _mm512_set1_epi32((int)x);
}
SIMD vu vu_load(const uint32_t *p)
{
    return _mm512_loadu_si512(p);
}
SIMD vu vu_mul(vu a, vu b)
{
    return _mm512_mullo_epi32(a, b);
}
SIMD vu vu_add(vu a, vu b)
{
    return _mm512_add_epi32(a, b);
}
SIMD vu vu_xor(vu a, vu b)
{
    return _mm512_xor_si512(a, b);
}
SIMD vu vu_and(vu a, vu b)
{
    return _mm512_and_si512(a, b);
}
#define vu_shr(a, n) _mm512_srli_epi32(a, n)
/* x where a < b (both below 2^31), else 0 */
SIMD vf vf_keep_below(vu a, vu b, vf x)
{
    return _mm512_maskz_mov_ps(_mm512_cmplt_epi32_mask(a, b), x);
}

#elif defined(__AVX2__)
#include <immintrin.h>

enum { VF = 8, VD = 4 };
typedef __m256 vf;
typedef __m256d vd;
typedef __m256i vi;
typedef __m256i vu;
#define SIMD_NAME(x) x##_avx2

SIMD vf vf_set1(float x)
{
    return _mm256_set1_ps(x);
}
SIMD vf vf_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
SIMD void vf_store(float *p, vf x)
{
    _mm256_storeu_ps(p, x);
}
SIMD vf vf_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}
SIMD vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}
SIMD vf vf_sqrt(vf a)
{
    return _mm256_sqrt_ps(a);
}
SIMD float vf_hmax(vf a)
{
    __m128 x =
        _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
}
SIMD unsigned vf_not_below(vf a, vf b)
{
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ));
}
SIMD vf vf_positive(vf x, vf a, vf b)
{
    return _mm256_blendv_ps(b, a,
                            _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ));
}

SIMD vd vd_set1(double x)
{
    return _mm256_set1_pd(x);
}
SIMD vd vd_load(const double *p)
{
    return _mm256_loadu_pd(p);
}
SIMD void vd_store(double *p, vd x)
{
    _mm256_storeu_pd(p, x);
}
SIMD vd vd_fma(vd a, vd b, vd c)
{
    return _mm256_fmadd_pd(a, b, c);
}
SIMD vd vd_max(vd a, vd b)
{
    return _mm256_max_pd(a, b);
}
SIMD vd vd_abs(vd a)
{
    return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a);
}
SIMD unsigned vd_above(vd a, vd b)
{
    return (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_GT_OQ));
}
SIMD double vd_sum(vd a)
{
    __m128d x =
        _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));

    return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}
SIMD vi vd_bits(vd a)
{
    return _mm256_castpd_si256(a);
}
SIMD vi vi_load(const int64_t *p)
{
    return _mm256_loadu_si256((const void *)p);
}
SIMD void vi_store(int64_t *p, vi x)
{
    _mm256_storeu_si256((void *)p, x);
}
SIMD vi vi_add(vi a, vi b)
{
    return _mm256_add_epi64(a, b);
}
SIMD vi vi_set1(int64_t x)
{
    return _mm256_set1_epi64x(x);
}
SIMD void vd_narrow(float *to, vd a)
{
    _mm_storeu_ps(to, _mm256_cvtpd_ps(a));
}

SIMD vu vu_set1(uint32_t x)
{
    return _mm256_set1_epi32((int)x);
}
SIMD vu vu_load(const uint32_t *p)
{
    return _mm256_loadu_si256((const void *)p);
}
SIMD vu vu_mul(vu a, vu b)
{
    return _mm256_mullo_epi32(a, b);
}
SIMD vu vu_add(vu a, vu b)
{
    return _mm256_add_epi32(a, b);
}
SIMD vu vu_xor(vu a, vu b)
{
    return _mm256_xor_si256(a, b);
}
SIMD vu vu_and(vu a, vu b)
{
    return _mm256_and_si256(a, b);
}
#define vu_shr(a, n) _mm256_srli_epi32(a, n)
SIMD vf vf_keep_below(vu a, vu b, vf x)
{
    return _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(b, a)), x);
}

#elif defined(__aarch64__)
#include <arm_neon.h>

enum { VF = 4, VD = 2 };
typedef float32x4_t vf;
typedef float64x2_t vd;
typedef int64x2_t vi;
typedef uint32x4_t vu;
#define SIMD_NAME(x) x##_neon

SIMD vf vf_set1(float x)
{
    return vdupq_n_f32(x);
}
SIMD vf vf_load(const float *p)
{
    return vld1q_f32(p);
}
SIMD void vf_store(float *p, vf x)
{
    vst1q_f32(p, x);
}
SIMD vf vf_fma(vf a, vf b, vf c)
{
    return vfmaq_f32(c, a, b);
}
SIMD vf vf_max(vf a, vf b)
{
    return vmaxq_f32(a, b);
}
SIMD vf vf_sqrt(vf a)
{
    return vsqrtq_f32(a);
}
SIMD float vf_hmax(vf a)
{
    return vmaxvq_f32(a);
}
SIMD unsigned vf_not_below(vf a, vf b)
{
    static const uint32_t bit[4] = {1, 2, 4, 8};

    return vaddvq_u32(vandq_u32(vcgeq_f32(a, b), vld1q_u32(bit)));
}
SIMD vf vf_positive(vf x, vf a, vf b)
{
    return vbslq_f32(vcgtzq_f32(x), a, b);
}

SIMD vd vd_set1(double x)
{
    return vdupq_n_f64(x);
}
SIMD vd vd_load(const double *p)
{
    return vld1q_f64(p);
}
SIMD void vd_store(double *p, vd x)
{
    vst1q_f64(p, x);
}
SIMD vd vd_fma(vd a, vd b, vd c)
{
    return vfmaq_f64(c, a, b);
}
SIMD vd vd_max(vd a, vd b)
{
    return vmaxq_f64(a, b);
}
SIMD vd vd_abs(vd a)
{
    return vabsq_f64(a);
}
SIMD unsigned vd_above(vd a, vd b)
{
    uint64x2_t m = vcgtq_f64(a, b);

    return (unsigned)((vgetq_lane_u64(m, 0) & 1) | (vgetq_lane_u64(m, 1) & 2));
}
SIMD double vd_sum(vd a)
{
    return vaddvq_f64(a);
}
SIMD vi vd_bits(vd a)
{
    return vreinterpretq_s64_f64(a);
}
SIMD vi vi_load(const int64_t *p)
{
    return vld1q_s64(p);
}
SIMD void vi_store(int64_t *p, vi x)
{
    vst1q_s64(p, x);
}
SIMD vi vi_add(vi a, vi b)
{
    return vaddq_s64(a, b);
}
SIMD vi vi_set1(int64_t x)
{
    return vdupq_n_s64(x);
}
SIMD void vd_narrow(float *to, vd a)
{
    vst1_f32(to, vcvt_f32_f64(a));
}

SIMD vu vu_set1(uint32_t x)
{
    return vdupq_n_u32(x);
}
SIMD vu vu_load(const uint32_t *p)
{
    return vld1q_u32(p);
}
SIMD vu vu_mul(vu a, vu b)
{
    return vmulq_u32(a, b);
}
SIMD vu vu_add(vu a, vu b)
{
    return vaddq_u32(a, b);
}
SIMD vu vu_xor(vu a, vu b)
{
    return veorq_u32(a, b);
}
SIMD vu vu_and(vu a, vu b)
{
    return vandq_u32(a, b);
}
#define vu_shr(a, n) vshrq_n_u32(a, n)
SIMD vf vf_keep_below(vu a, vu b, vf x)
{
    return vreinterpretq_f32_u32(
        vandq_u32(vcltq_u32(a, b), vreinterpretq_u32_f32(x)));
}
#endif

#endif
