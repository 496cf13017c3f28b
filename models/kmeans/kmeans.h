/* kmeans.h - streaming k-means: MiniBatchKMeans.partial_fit over ranks. */
#ifndef MODELS_KMEANS_H
#define MODELS_KMEANS_H

#include <pilot/model.h>

extern const pe_model_ops kmeans_ops;

#endif
