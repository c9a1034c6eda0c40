import { Module } from '@nestjs/common';
import { Exposition } from './exposition.js';
import { Sources } from './sources.js';

/** The figures of this node, and the metrics as text; who may read them is decided elsewhere. */
@Module({ providers: [Exposition, Sources], exports: [Exposition, Sources] })
export class ExpositionModule {}
