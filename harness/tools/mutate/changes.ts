import { readText } from '../checks/repository.ts';
import { applyChange, nameChanges, type Mutation } from './mutation.ts';
import { nginxChanges } from './nginx.ts';
import { isProgram, typescriptChanges } from './typescript.ts';

const isDatabase = (file: string): boolean => file.startsWith('db/');

/** Every change of a guard file, by its kind. A change that leaves no program behind is none. */
export const mutationsOf = (file: string, source: string = readText(file)): readonly Mutation[] => {
  if (!file.endsWith('.ts')) return nameChanges(file, source, nginxChanges(source));
  const named = nameChanges(file, source, typescriptChanges(file, source, isDatabase(file)));
  return named.filter((mutation) => isProgram(file, applyChange(source, mutation)));
};
